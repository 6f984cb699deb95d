//! Alerts: fired, sent again, resolved, lapsed; and signals that say that something is over.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn an_alert_sent_again_costs_a_lease_and_nothing_else() {
    check(
        "at 0s alert db prod P1 ends=4m
         next
         at 1m alert db prod P1 ends=5m
         at 2m alert db prod P1 ends=3m
         next
         show 1
         until 5m
         show 1
         next",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
                  next 4m
            1m    alert 1 renewed until 5m
            1m    skipped alert_repeated
            2m    alert 1 renewed until 5m
            2m    skipped alert_repeated
                  next 4m
                  #1 OPEN P1 signals=1 first=0s last=0s opened=0s key=environment=prod,component=db title="db: failure"
            5m    alert over lease_expired
            5m    #1 OPEN -> RESOLVED lease_expired by system
                  #1 RESOLVED P1 signals=1 first=0s last=0s opened=0s resolved=5m key=environment=prod,component=db title="db: failure"
                  next 35m
        "#]],
    );
}

#[test]
fn a_resolved_alert_resolves_its_incident_and_is_not_heard_twice() {
    check(
        "at 0s alert db prod P1 ends=4m
         at 1m alert db prod P1 ends=1m resolved
         at 2m alert db prod P1 ends=1m resolved
         show 1
         next
         at 31m tick
         next
         at 32m alert db prod P1 ends=1m resolved
         at 33m alert db prod P1 ends=1m resolved",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            1m    filed #1 open_incident signals=2
            1m    alert over all_resolved
            1m    #1 OPEN -> RESOLVED all_resolved by system
            2m    skipped alert_repeated
                  #1 RESOLVED P1 signals=2 first=0s last=1m opened=0s resolved=1m key=environment=prod,component=db title="db: failure"
                  next 31m
                  next -
            32m   filed - nothing_firing
            33m   skipped alert_repeated
        "#]],
    );
}

#[test]
fn an_alert_that_fires_again_reopens_and_a_late_resolution_of_the_round_before_is_ignored() {
    check(
        "at 0s alert db prod P1 ends=4m
         at 1m alert db prod P1 ends=1m resolved
         at 2m alert db prod P1 starts=2m ends=6m
         at 3m alert db prod P1 ends=1m resolved
         show 1
         at 4m alert db prod P1 starts=2m ends=4m resolved
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            1m    filed #1 open_incident signals=2
            1m    alert over all_resolved
            1m    #1 OPEN -> RESOLVED all_resolved by system
            2m    filed #1 fired_again signals=3
            2m    #1 RESOLVED -> OPEN fired_again by system
            2m    alert 1 fires in #1
            3m    skipped alert_repeated
                  #1 OPEN P1 signals=3 first=0s last=2m opened=0s key=environment=prod,component=db title="db: failure"
            4m    filed #1 open_incident signals=4
            4m    alert over all_resolved
            4m    #1 OPEN -> RESOLVED all_resolved by system
                  #1 RESOLVED P1 signals=4 first=0s last=4m opened=0s resolved=4m key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn two_replicas_that_saw_it_begin_at_different_times_are_one_alert() {
    check(
        "at 0s alert db prod P1 starts=0s ends=4m
         at 15s alert db prod P1 starts=15s ends=4m15s
         at 1m alert db prod P1 starts=0s ends=1m resolved
         at 1m15s alert db prod P1 starts=15s ends=1m15s resolved
         at 2m alert db prod P1 starts=0s ends=1m resolved
         at 2m15s alert db prod P1 starts=15s ends=1m15s resolved
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            15s   alert 1 renewed until 4m15s
            15s   skipped alert_repeated
            1m    filed #1 open_incident signals=2
            1m    alert over all_resolved
            1m    #1 OPEN -> RESOLVED all_resolved by system
            1m15s filed - nothing_firing
            2m    skipped alert_repeated
            2m15s skipped alert_repeated
                  #1 RESOLVED P1 signals=2 first=0s last=1m opened=0s resolved=1m key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

/// Alertmanager says the earliest start of its replicas, whichever it told of first.
#[test]
fn a_resolution_with_an_earlier_start_resolves_what_began_before_it_ended() {
    check(
        "at 1m alert db prod P1 starts=1m ends=24h
         at 2m alert db prod P1 starts=53s ends=24h
         at 3m alert db prod P1 starts=53s ends=3m resolved
         at 4m alert db prod P1 starts=53s ends=3m resolved
         show 1",
        expect![[r#"
            1m    #1 opened new_key by system
            1m    filed #1 new_key signals=1
            1m    alert 1 fires in #1
            2m    alert 1 renewed until 24h
            2m    skipped alert_repeated
            3m    filed #1 open_incident signals=2
            3m    alert over all_resolved
            3m    #1 OPEN -> RESOLVED all_resolved by system
            4m    skipped alert_repeated
                  #1 RESOLVED P1 signals=2 first=1m last=3m opened=1m resolved=3m key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

/// Its sender never said that the round before is over, and a webhook's lease lasts for a day.
#[test]
fn a_round_that_began_after_somebody_resolved_reopens_and_a_replicas_does_not() {
    check(
        "at 0s alert db prod P1 starts=0s ends=24h
         at 1m ack alice 1
         at 2m resolve alice 1
         at 3m alert db prod P1 starts=0s ends=24h
         at 4m alert db prod P1 starts=15s ends=24h
         show 1
         at 5m alert db prod P1 starts=2m1s ends=24h
         show 1
         at 6m alert db prod P1 starts=2m1s ends=6m resolved
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            1m    #1 OPEN -> INVESTIGATING by_hand by alice
            1m    done #1
            2m    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2m    done #1
            3m    alert 1 renewed until 24h
            3m    skipped alert_repeated
            4m    alert 1 renewed until 24h
            4m    skipped alert_repeated
                  #1 RESOLVED P1 signals=1 first=0s last=0s opened=0s acknowledged=1m resolved=2m assignee=alice key=environment=prod,component=db title="db: failure"
            5m    filed #1 fired_again signals=2
            5m    #1 RESOLVED -> OPEN fired_again by system
            5m    alert 1 fires in #1
                  #1 OPEN P1 signals=2 first=0s last=5m opened=0s acknowledged=1m assignee=alice key=environment=prod,component=db title="db: failure"
            6m    filed #1 open_incident signals=3
            6m    alert over all_resolved
            6m    #1 OPEN -> RESOLVED all_resolved by system
                  #1 RESOLVED P1 signals=3 first=0s last=6m opened=0s acknowledged=1m resolved=6m assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn a_lease_that_lapses_resolves_and_the_next_firing_reopens() {
    check(
        "at 0s alert db prod P1 ends=4m
         until 5m
         at 6m alert db prod P1 ends=10m
         show 1
         until 20m",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            4m    alert over lease_expired
            4m    #1 OPEN -> RESOLVED lease_expired by system
            6m    filed #1 fired_again signals=2
            6m    #1 RESOLVED -> OPEN fired_again by system
            6m    alert 1 fires in #1
                  #1 OPEN P1 signals=2 first=0s last=6m opened=0s key=environment=prod,component=db title="db: failure"
            10m   alert over lease_expired
            10m   #1 OPEN -> RESOLVED lease_expired by system
        "#]],
    );
}

#[test]
fn an_alert_that_arrives_with_its_lease_over_lapses_with_the_next_tick() {
    check(
        "at 10m alert db prod P1 starts=0s ends=5m
         next
         until 10m
         show 1",
        expect![[r#"
            10m   #1 opened new_key by system
            10m   filed #1 new_key signals=1
            10m   alert 1 fires in #1
                  next 5m
            10m   alert over lease_expired
            10m   #1 OPEN -> RESOLVED lease_expired by system
                  #1 RESOLVED P1 signals=1 first=10m last=10m opened=10m resolved=10m key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn an_incident_resolves_with_the_last_of_its_alerts() {
    check(
        "at 0s alert db prod P1 fp=1
         at 1s alert db prod P1 fp=2
         at 2s alert db prod P1 fp=1 resolved
         show 1
         at 3s ack alice 1
         at 4s alert db prod P1 fp=2 resolved
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            1s    filed #1 open_incident signals=2
            1s    alert 2 fires in #1
            2s    filed #1 open_incident signals=3
            2s    alert over all_resolved
                  #1 OPEN P1 signals=3 first=0s last=2s opened=0s key=environment=prod,component=db title="db: failure"
            3s    #1 OPEN -> INVESTIGATING by_hand by alice
            3s    done #1
            4s    filed #1 open_incident signals=4
            4s    alert over all_resolved
            4s    #1 INVESTIGATING -> RESOLVED all_resolved by system
                  #1 RESOLVED P1 signals=4 first=0s last=4s opened=0s acknowledged=3s resolved=4s assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn an_alert_that_waited_for_company_belongs_to_the_incident_it_opened() {
    check(
        "at 0s policy alice p open_when=2/1m
         at 0s alert db prod P0 fp=1 ends=1h
         at 1s alert db prod P1 fp=2 ends=1h
         at 2s alert db prod P1 fp=2 resolved
         show 1
         at 3s alert db prod P1 fp=1 resolved
         show 1",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    filed - open_when_pending
            0s    alert 1 fires in -
            1s    #1 opened open_when_reached by system
            1s    moved signal 2 from - to #1
            1s    alert 1 joined #1
            1s    filed #1 open_when_reached signals=2
            1s    alert 2 fires in #1
            2s    filed #1 open_incident signals=3
            2s    alert over all_resolved
                  #1 OPEN P0 signals=3 first=0s last=2s opened=1s key=environment=prod,component=db title="db: failure"
            3s    filed #1 open_incident signals=4
            3s    alert over all_resolved
            3s    #1 OPEN -> RESOLVED all_resolved by system
                  #1 RESOLVED P0 signals=4 first=0s last=3s opened=1s resolved=3s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn an_alert_over_while_it_waited_holds_nothing_open() {
    check(
        "at 0s policy alice p open_when=2/1m
         at 0s alert db prod P1 fp=1 ends=1h
         at 1s alert db prod P1 fp=1 resolved
         at 2s alert db prod P1 fp=2 ends=1h
         at 3s alert db prod P1 fp=2 resolved
         show 1",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    filed - open_when_pending
            0s    alert 1 fires in -
            1s    filed - nothing_firing
            1s    alert over all_resolved
            2s    #1 opened open_when_reached by system
            2s    moved signal 2 from - to #1
            2s    filed #1 open_when_reached signals=2
            2s    alert 2 fires in #1
            3s    filed #1 open_incident signals=3
            3s    alert over all_resolved
            3s    #1 OPEN -> RESOLVED all_resolved by system
                  #1 RESOLVED P1 signals=3 first=0s last=3s opened=2s resolved=3s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn an_alert_still_fires_in_an_incident_reopened_by_hand() {
    check(
        "at 0s alert db prod P1 ends=1h
         at 1s signal db prod P2
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s reopen alice 1 \"too early\"
         at 5s alert db prod P1 resolved
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            1s    filed #1 open_incident signals=2
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    #1 RESOLVED -> OPEN by_hand by alice "too early"
            4s    done #1
            5s    filed #1 open_incident signals=3
            5s    alert over all_resolved
            5s    #1 OPEN -> RESOLVED all_resolved by system
                  #1 RESOLVED P1 signals=3 first=0s last=5s opened=0s acknowledged=2s resolved=5s assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn an_alert_resolved_after_a_person_resolved_changes_no_state() {
    check(
        "at 0s alert db prod P1 ends=1h
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s alert db prod P1 ends=2h
         at 5s alert db prod P1 resolved
         show 1
         at 6s rca alice 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    alert 1 renewed until 2h
            4s    skipped alert_repeated
            5s    filed #1 open_incident signals=2
            5s    alert over all_resolved
                  #1 RESOLVED P1 signals=2 first=0s last=5s opened=0s acknowledged=2s resolved=3s assignee=alice key=environment=prod,component=db title="db: failure"
            6s    #1 RESOLVED -> CLOSED rca_complete by alice
            6s    rca of #1 by alice from 0s to 6s
            6s    done #1
        "#]],
    );
}

#[test]
fn a_resolved_alert_nobody_knew_is_kept_once() {
    check(
        "at 0s alert db prod P1 resolved
         at 1m alert db prod P1 resolved
         at 2m alert db prod P1 starts=2m
         at 3m alert db prod P1 starts=0s ends=1m resolved
         at 4m alert db prod P1 starts=2m resolved",
        expect![[r#"
            0s    filed - nothing_firing
            1m    skipped alert_repeated
            2m    #1 opened new_key by system
            2m    filed #1 new_key signals=1
            2m    alert 1 fires in #1
            3m    skipped alert_repeated
            4m    filed #1 open_incident signals=2
            4m    alert over all_resolved
            4m    #1 OPEN -> RESOLVED all_resolved by system
        "#]],
    );
}

#[test]
fn a_resolved_signal_without_anything_open_is_kept_without_incident() {
    check(
        "at 0s signal db prod P2 resolved
         at 1s signal db prod P2
         at 2s signal db staging P2 resolved",
        expect![[r#"
            0s    filed - nothing_firing
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            2s    filed - nothing_firing
        "#]],
    );
}

#[test]
fn in_windows_a_resolution_ends_every_incident_it_fires_in() {
    check(
        "at 0s policy alice p window cap=1
         at 0s signal db prod P2 times=2
         at 1s signal db prod P2 resolved
         show 1
         show 2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    #2 opened window_full by system
            0s    filed #2 window_full signals=1
            1s    filed #2 open_incident signals=2
            1s    #1 OPEN -> RESOLVED all_resolved by system
            1s    #2 OPEN -> RESOLVED all_resolved by system
                  #1 RESOLVED P2 signals=1 first=0s last=0s opened=0s resolved=1s key=environment=prod,component=db title="db: failure"
                  #2 RESOLVED P2 signals=2 first=0s last=1s opened=0s resolved=1s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn a_given_id_is_applied_once() {
    check(
        "at 0s signal db prod P2 id=a
         at 1s signal db prod P2 id=a
         at 2s signal cache prod P2 id=a
         at 3s alert db prod P2 id=a
         at 4s in 2 signal db prod P2 id=a
         at 24h signal db prod P2 id=a
         at 24h1ms signal db prod P2 id=a
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    skipped duplicate_id
            2s    skipped duplicate_id
            3s    skipped duplicate_id
            4s    2#1 opened new_key by system
            4s    filed 2#1 new_key signals=1
            24h   skipped duplicate_id
            24h1ms filed #1 open_incident signals=2
                  #1 OPEN P2 signals=2 first=0s last=24h1ms opened=0s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}
