//! Alerts that fire on when their incident is closed: sent again, they fire anew, once.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn an_alert_that_fires_on_after_its_incident_was_closed_opens_another_once() {
    check(
        "at 0s alert db prod P1 ends=1h
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s rca alice 1
         next
         at 1m alert db prod P1 ends=30m
         next
         at 2m alert db prod P1 ends=2h
         show 2
         at 3m alert db prod P1 ends=3m resolved
         show 2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    #1 RESOLVED -> CLOSED rca_complete by alice
            4s    rca of #1 by alice from 0s to 4s
            4s    done #1
                  next 1h
            1m    #2 opened new_key by system
            1m    filed #2 new_key signals=1
            1m    alert 1 fires in #2
                  next 1h
            2m    alert 1 renewed until 2h
            2m    skipped alert_repeated
                  #2 OPEN P1 signals=1 first=1m last=1m opened=1m key=environment=prod,component=db title="db: failure"
            3m    filed #2 open_incident signals=2
            3m    alert over all_resolved
            3m    #2 OPEN -> RESOLVED all_resolved by system
                  #2 RESOLVED P1 signals=2 first=1m last=3m opened=1m resolved=3m key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn an_alert_of_an_incident_resolved_by_hand_does_not_fire_anew_before_it_is_closed() {
    check(
        "at 0s alert db prod P1 ends=1h
         at 2s ack alice 1
         at 3s resolve alice 1
         at 1m alert db prod P1 ends=1h
         at 2m rca alice 1
         at 3m alert db prod P1 ends=1h",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            1m    alert 1 renewed until 1h
            1m    skipped alert_repeated
            2m    #1 RESOLVED -> CLOSED rca_complete by alice
            2m    rca of #1 by alice from 0s to 2m
            2m    done #1
            3m    #2 opened new_key by system
            3m    filed #2 new_key signals=1
            3m    alert 1 fires in #2
        "#]],
    );
}

#[test]
fn an_alert_of_a_closed_incident_joins_what_is_open_with_its_key() {
    check(
        "at 0s alert db prod P1 fp=1 ends=1h
         at 1s alert db prod P1 fp=2 ends=1h
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s rca alice 1
         at 5s signal db prod P2
         at 1m alert db prod P0 fp=1 ends=1h
         at 1m alert db prod P1 fp=2 ends=1h
         at 2m alert db prod P0 fp=1 ends=1h
         show 2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            1s    filed #1 open_incident signals=2
            1s    alert 2 fires in #1
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    #1 RESOLVED -> CLOSED rca_complete by alice
            4s    rca of #1 by alice from 0s to 4s
            4s    done #1
            5s    #2 opened new_key by system
            5s    filed #2 new_key signals=1
            1m    filed #2 open_incident signals=2
            1m    #2 P2 -> P0 severity_rose by system
            1m    alert 1 fires in #2
            1m    filed #2 open_incident signals=3
            1m    alert 2 fires in #2
            2m    alert 1 renewed until 1h
            2m    skipped alert_repeated
                  #2 OPEN P0 signals=3 first=5s last=1m opened=5s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn an_alert_of_a_closed_incident_lapses_without_opening_anything() {
    check(
        "at 0s alert db prod P1 ends=5m
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s rca alice 1
         until 10m
         at 11m alert db prod P1 ends=20m",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    #1 RESOLVED -> CLOSED rca_complete by alice
            4s    rca of #1 by alice from 0s to 4s
            4s    done #1
            5m    alert over lease_expired
            11m   #2 opened new_key by system
            11m   filed #2 new_key signals=1
            11m   alert 1 fires in #2
        "#]],
    );
}

#[test]
fn an_alert_of_a_closed_incident_waits_for_company_as_it_would_the_first_time() {
    check(
        "at 0s policy alice p open_when=2/10m
         at 0s alert db prod P1 fp=1 ends=1h
         at 1s alert db prod P2 fp=2 ends=1h
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s rca alice 1
         at 1m alert db prod P1 fp=1 ends=1h
         at 2m alert db prod P1 fp=1 ends=1h
         at 3m alert db prod P2 fp=2 ends=1h
         at 4m alert db prod P1 fp=1 ends=1h
         at 4m alert db prod P2 fp=2 ends=1h",
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
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    #1 RESOLVED -> CLOSED rca_complete by alice
            4s    rca of #1 by alice from 0s to 4s
            4s    done #1
            1m    filed - open_when_pending
            1m    alert 1 fires in -
            2m    alert 1 renewed until 1h
            2m    skipped alert_repeated
            3m    #2 opened open_when_reached by system
            3m    moved signal 7 from - to #2
            3m    alert 1 joined #2
            3m    filed #2 open_when_reached signals=2
            3m    alert 2 fires in #2
            4m    alert 1 renewed until 1h
            4m    skipped alert_repeated
            4m    alert 2 renewed until 1h
            4m    skipped alert_repeated
        "#]],
    );
}

#[test]
fn alerts_of_a_family_fire_anew_when_it_is_closed() {
    check(
        "at 0s alert db prod P1 fp=1 ends=1h
         at 0s alert api prod P2 fp=2 ends=1h
         at 1s merge alice 1 2
         at 1s alert api prod P2 fp=3 ends=1h
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s rca alice 1
         at 1m alert db prod P1 fp=1 ends=1h
         at 1m alert api prod P2 fp=2 ends=1h
         at 1m alert api prod P2 fp=3 ends=1h
         at 2m alert api prod P2 fp=2 ends=1h",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            0s    #2 opened new_key by system
            0s    filed #2 new_key signals=1
            0s    alert 2 fires in #2
            1s    #2 merged into #1 merged by alice
            1s    #1 merged into #1 merged by alice "incident #2 was merged into this one"
            1s    done #1
            1s    filed #1 merged_incident signals=2
            1s    alert 3 fires in #1
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    #2 OPEN -> INVESTIGATING follows_parent by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    #2 INVESTIGATING -> RESOLVED follows_parent by alice
            3s    done #1
            4s    #1 RESOLVED -> CLOSED rca_complete by alice
            4s    #2 RESOLVED -> CLOSED follows_parent by alice
            4s    rca of #1 by alice from 0s to 4s
            4s    done #1
            1m    #3 opened new_key by system
            1m    filed #3 new_key signals=1
            1m    alert 1 fires in #3
            1m    #4 opened new_key by system
            1m    filed #4 new_key signals=1
            1m    alert 2 fires in #4
            1m    filed #4 open_incident signals=2
            1m    alert 3 fires in #4
            2m    alert 2 renewed until 1h
            2m    skipped alert_repeated
        "#]],
    );
}

#[test]
fn an_alert_whose_signal_was_split_off_fires_anew_when_what_it_joined_is_closed() {
    check(
        "at 0s alert db prod P1 ends=1h
         at 1s signal db prod P2
         at 2s split alice 1 1
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s rca alice 1
         at 1m alert db prod P1 ends=1h
         at 2m alert db prod P1 ends=1h",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            1s    filed #1 open_incident signals=2
            2s    #2 opened split by alice
            2s    #1 split 1 with #2 split by alice
            2s    #2 split 1 with #1 split by alice
            2s    moved signal 1 from #1 to #2
            2s    done #2
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    #1 RESOLVED -> CLOSED rca_complete by alice
            4s    rca of #1 by alice from 0s to 4s
            4s    done #1
            1m    #3 opened new_key by system
            1m    filed #3 new_key signals=1
            1m    alert 1 fires in #3
            2m    alert 1 renewed until 1h
            2m    skipped alert_repeated
        "#]],
    );
}

#[test]
fn an_alert_that_named_a_closed_incident_fires_anew_under_its_own_key() {
    check(
        "at 0s signal api prod P2
         at 1s alert db prod P1 incident=1 ends=1h
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s rca alice 1
         at 1m alert db prod P1 incident=1 ends=1h
         at 2m alert db prod P1 incident=1 ends=1h",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    filed #1 named_incident signals=2
            1s    #1 P2 -> P1 severity_rose by system
            1s    alert 1 fires in #1
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    #1 RESOLVED -> CLOSED rca_complete by alice
            4s    rca of #1 by alice from 0s to 4s
            4s    done #1
            1m    #2 opened new_key by system
            1m    filed #2 new_key signals=1
            1m    alert 1 fires in #2
            2m    alert 1 renewed until 1h
            2m    skipped alert_repeated
        "#]],
    );
}

#[test]
fn of_two_replicas_the_first_that_is_sent_again_fires_anew_and_the_longer_lease_counts() {
    check(
        "at 0s alert db prod P1 starts=0s ends=1h
         at 1s alert db prod P1 starts=1s ends=1h
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s rca alice 1
         at 1m alert db prod P1 starts=1s ends=5m
         at 2m alert db prod P1 starts=0s ends=6m
         next
         until 1h",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            1s    alert 1 renewed until 1h
            1s    skipped alert_repeated
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    #1 RESOLVED -> CLOSED rca_complete by alice
            4s    rca of #1 by alice from 0s to 4s
            4s    done #1
            1m    #2 opened new_key by system
            1m    filed #2 new_key signals=1
            1m    alert 1 fires in #2
            2m    alert 1 renewed until 1h
            2m    skipped alert_repeated
                  next 1h
            1h    alert over lease_expired
            1h    #2 OPEN -> RESOLVED lease_expired by system
        "#]],
    );
}

#[test]
fn an_alert_of_a_closed_incident_is_filed_nowhere_when_it_resolves() {
    check(
        "at 0s alert db prod P1 ends=1h
         at 2s ack alice 1
         at 3s resolve alice 1
         at 4s rca alice 1
         at 5s alert db prod P1 resolved",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    alert 1 fires in #1
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    #1 RESOLVED -> CLOSED rca_complete by alice
            4s    rca of #1 by alice from 0s to 4s
            4s    done #1
            5s    filed - nothing_firing
            5s    alert over all_resolved
        "#]],
    );
}
