//! Which incident a signal joins, and when it opens one.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn a_long_outage_is_one_incident_however_many_signals_it_has() {
    check(
        "at 0s signal db prod P2 times=3
         at 10m signal db prod P2 times=200
         at 10m signal db staging P2
         at 10m signal cache prod P2 code=TIMEOUT
         show 1
         show 3",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    filed #1 open_incident signals=2..=3
            10m   filed #1 open_incident signals=4..=203
            10m   #2 opened new_key by system
            10m   filed #2 new_key signals=1
            10m   #3 opened new_key by system
            10m   filed #3 new_key signals=1
                  #1 OPEN P2 signals=203 first=0s last=10m opened=0s key=environment=prod,component=db title="db: failure"
                  #3 OPEN P2 signals=1 first=10m last=10m opened=10m key=environment=prod,component=cache title="cache: TIMEOUT"
        "#]],
    );
}

#[test]
fn a_window_holds_its_cap_and_ends_with_its_time() {
    check(
        "at 0s policy alice w window window=10s cap=100
         at 1s signal db prod P2 times=300
         at 10999ms signal db prod P2
         at 11s signal db prod P2
         at 20999ms signal db prod P2 times=100
         at 21s signal db prod P2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "w"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    filed #1 current_window signals=2..=100
            1s    #2 opened window_full by system
            1s    filed #2 window_full signals=1
            1s    filed #2 current_window signals=2..=100
            1s    #3 opened window_full by system
            1s    filed #3 window_full signals=1
            1s    filed #3 current_window signals=2..=100
            10s999ms #4 opened window_full by system
            10s999ms filed #4 window_full signals=1
            11s   filed #4 current_window signals=2
            20s999ms #5 opened window_elapsed by system
            20s999ms filed #5 window_elapsed signals=1
            20s999ms filed #5 current_window signals=2..=100
            21s   #6 opened window_full by system
            21s   filed #6 window_full signals=1
        "#]],
    );
}

#[test]
fn a_window_is_that_of_its_own_key() {
    check(
        "at 0s policy alice w window cap=2 by=component
         at 1s signal db prod P2
         at 1s signal cache prod P2
         at 1s signal db staging P2
         at 1s signal db prod P2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "w"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    #2 opened new_key by system
            1s    filed #2 new_key signals=1
            1s    filed #1 current_window signals=2
            1s    #3 opened window_full by system
            1s    filed #3 window_full signals=1
        "#]],
    );
}

#[test]
fn the_same_key_reopens_within_reopen_within_and_opens_anew_after_it() {
    check(
        "at 0s signal db prod P2
         at 10s ack alice 1
         at 20s resolve alice 1
         at 320s signal db prod P2
         show 1
         at 330s ack alice 1
         at 340s resolve alice 1
         at 640001ms signal db prod P2
         show 1
         show 2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            10s   #1 OPEN -> INVESTIGATING by_hand by alice
            10s   done #1
            20s   #1 INVESTIGATING -> RESOLVED by_hand by alice
            20s   done #1
            5m20s filed #1 fired_again signals=2
            5m20s #1 RESOLVED -> OPEN fired_again by system
                  #1 OPEN P2 signals=2 first=0s last=5m20s opened=0s acknowledged=10s assignee=alice key=environment=prod,component=db title="db: failure"
            5m30s #1 OPEN -> INVESTIGATING by_hand by alice
            5m30s done #1
            5m40s #1 INVESTIGATING -> RESOLVED by_hand by alice
            5m40s done #1
            10m40s1ms #2 opened new_key by system
            10m40s1ms filed #2 new_key signals=1
                  #1 RESOLVED P2 signals=2 first=0s last=5m20s opened=0s acknowledged=10s resolved=5m40s assignee=alice key=environment=prod,component=db title="db: failure"
                  #2 OPEN P2 signals=1 first=10m40s1ms last=10m40s1ms opened=10m40s1ms key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn of_two_resolved_incidents_the_one_resolved_last_reopens_and_a_closed_one_never() {
    check(
        "at 0s policy alice p reopen_within=1h
         at 0s signal db prod P2
         at 1s ack alice 1
         at 2s resolve alice 1
         at 2h signal db prod P2
         at 2h ack alice 2
         at 2h resolve alice 2
         at 2h1m reopen alice 1 \"it was the same\"
         at 2h1m ack alice 1
         at 2h2m resolve alice 1
         at 2h3m rca alice 1
         at 2h4m signal db prod P2
         show 2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2s    done #1
            2h    #2 opened new_key by system
            2h    filed #2 new_key signals=1
            2h    #2 OPEN -> INVESTIGATING by_hand by alice
            2h    done #2
            2h    #2 INVESTIGATING -> RESOLVED by_hand by alice
            2h    done #2
            2h1m  #1 RESOLVED -> OPEN by_hand by alice "it was the same"
            2h1m  done #1
            2h1m  #1 OPEN -> INVESTIGATING by_hand by alice
            2h1m  done #1
            2h2m  #1 INVESTIGATING -> RESOLVED by_hand by alice
            2h2m  done #1
            2h3m  #1 RESOLVED -> CLOSED rca_complete by alice
            2h3m  rca of #1 by alice from 0s to 2h3m
            2h3m  done #1
            2h4m  filed #2 fired_again signals=2
            2h4m  #2 RESOLVED -> OPEN fired_again by system
                  #2 OPEN P2 signals=2 first=2h last=2h4m opened=2h acknowledged=2h assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn opening_can_ask_for_m_signals_of_n() {
    check(
        "at 0s policy alice p open_when=3/10s
         at 0s signal db prod P0
         at 4s signal db prod P2 id=b
         at 4s signal db prod P2 id=b
         next
         at 10s signal db prod P2
         show 1
         next
         at 11s signal db prod P2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    filed - open_when_pending
            4s    filed - open_when_pending
            4s    skipped duplicate_id
                  next 10s
            10s   #1 opened open_when_reached by system
            10s   moved signal 2 from - to #1
            10s   moved signal 3 from - to #1
            10s   filed #1 open_when_reached signals=3
                  #1 OPEN P0 signals=3 first=0s last=10s opened=10s key=environment=prod,component=db title="db: failure"
                  next -
            11s   filed #1 open_incident signals=4
        "#]],
    );
}

#[test]
fn signals_too_old_do_not_count_on_the_way_to_opening() {
    check(
        "at 0s policy alice p open_when=3/10s
         at 0s signal db prod P2
         at 4s signal db prod P2
         at 10001ms signal db prod P2
         next
         until 15s
         next
         at 15s signal db prod P2
         until 25001ms
         until 26s
         next
         at 30s signal db prod P2
         at 30s signal db prod P2
         at 30s signal db prod P2
         show 1",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    filed - open_when_pending
            4s    filed - open_when_pending
            10s1ms filed - open_when_pending
                  next 10s
                  next 20s1ms
            15s   filed - open_when_pending
                  next -
            30s   filed - open_when_pending
            30s   filed - open_when_pending
            30s   #1 opened open_when_reached by system
            30s   moved signal 10 from - to #1
            30s   moved signal 11 from - to #1
            30s   filed #1 open_when_reached signals=3
                  #1 OPEN P2 signals=3 first=30s last=30s opened=30s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn a_window_may_ask_for_m_of_n_too() {
    check(
        "at 0s policy alice p window cap=3 open_when=2/10s
         at 0s signal db prod P2 times=2
         at 1s signal db prod P2 times=3",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    filed - open_when_pending
            0s    #1 opened open_when_reached by system
            0s    moved signal 2 from - to #1
            0s    filed #1 open_when_reached signals=2
            1s    filed #1 current_window signals=3
            1s    filed - open_when_pending
            1s    #2 opened open_when_reached by system
            1s    moved signal 5 from - to #2
            1s    filed #2 open_when_reached signals=2
        "#]],
    );
}

#[test]
fn an_incident_opened_by_several_knows_what_fires_in_all_of_them() {
    check(
        "at 0s policy alice p open_when=3/10s
         at 0s signal db prod P2 code=A
         at 1s signal db prod P2 code=B
         at 2s signal db prod P2 code=B resolved
         at 3s signal db prod P2 code=C
         at 4s signal db prod P2 code=C resolved
         show 1
         at 5s signal db prod P2 code=A resolved
         show 1",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    filed - open_when_pending
            1s    filed - open_when_pending
            2s    filed - nothing_firing
            3s    #1 opened open_when_reached by system
            3s    moved signal 2 from - to #1
            3s    moved signal 3 from - to #1
            3s    filed #1 open_when_reached signals=3
            4s    filed #1 open_incident signals=4
                  #1 OPEN P2 signals=4 first=0s last=4s opened=3s key=environment=prod,component=db title="db: C"
            5s    filed #1 open_incident signals=5
            5s    #1 OPEN -> RESOLVED all_resolved by system
                  #1 RESOLVED P2 signals=5 first=0s last=5s opened=3s resolved=5s key=environment=prod,component=db title="db: C"
        "#]],
    );
}

#[test]
fn severity_is_the_highest_seen_and_a_pinned_one_stays() {
    check(
        "at 0s signal db prod P2
         at 1s signal db prod P3
         at 2s signal db prod P1
         at 3s severity alice 1 P3
         at 4s signal db prod P0
         show 1
         at 5s severity alice 1 -
         show 1
         at 6s severity alice 1 P0
         at 7s severity alice 1 P2
         at 8s severity alice 1 -",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    filed #1 open_incident signals=2
            2s    filed #1 open_incident signals=3
            2s    #1 P2 -> P1 severity_rose by system
            3s    #1 P1 -> P3 by_hand by alice
            3s    done #1
            4s    filed #1 open_incident signals=4
                  #1 OPEN P3 pinned signals=4 first=0s last=4s opened=0s key=environment=prod,component=db title="db: failure"
            5s    #1 P3 -> P0 by_hand by alice
            5s    done #1
                  #1 OPEN P0 signals=4 first=0s last=4s opened=0s key=environment=prod,component=db title="db: failure"
            6s    #1 P0 -> P0 by_hand by alice
            6s    done #1
            7s    #1 P0 -> P2 by_hand by alice
            7s    done #1
            8s    #1 P2 -> P0 by_hand by alice
            8s    done #1
        "#]],
    );
}

#[test]
fn a_named_incident_is_joined_whatever_the_key() {
    check(
        "at 0s signal db prod P2
         at 1s signal cache staging P1 incident=1
         at 2s signal cache staging P2 incident=9
         at 3s ack alice 1
         at 4s resolve alice 1
         at 5s signal cache prod P2 incident=1
         show 1
         at 6s ack alice 1
         at 7s resolve alice 1
         at 8s rca alice 1
         at 9s signal cache prod P2 incident=1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    filed #1 named_incident signals=2
            1s    #1 P2 -> P1 severity_rose by system
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            3s    #1 OPEN -> INVESTIGATING by_hand by alice
            3s    done #1
            4s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            4s    done #1
            5s    filed #1 named_incident signals=3
            5s    #1 RESOLVED -> OPEN fired_again by system
                  #1 OPEN P1 signals=3 first=0s last=5s opened=0s acknowledged=3s assignee=alice key=environment=prod,component=db title="db: failure"
            6s    #1 OPEN -> INVESTIGATING by_hand by alice
            6s    done #1
            7s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            7s    done #1
            8s    #1 RESOLVED -> CLOSED rca_complete by alice
            8s    rca of #1 by alice from 0s to 8s
            8s    done #1
            9s    #3 opened new_key by system
            9s    filed #3 new_key signals=1
        "#]],
    );
}

#[test]
fn a_title_is_one_line_of_what_is_known() {
    check(
        "at 0s signal db prod P2 summary=\"connections exhausted\" code=E1
         at 0s signal cache prod P2 code=E1
         at 0s signal api prod P2 kind=healthcheck
         show 1
         show 2
         show 3",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    #2 opened new_key by system
            0s    filed #2 new_key signals=1
            0s    #3 opened new_key by system
            0s    filed #3 new_key signals=1
                  #1 OPEN P2 signals=1 first=0s last=0s opened=0s key=environment=prod,component=db title="db: connections exhausted"
                  #2 OPEN P2 signals=1 first=0s last=0s opened=0s key=environment=prod,component=cache title="cache: E1"
                  #3 OPEN P2 signals=1 first=0s last=0s opened=0s key=environment=prod,component=api title="api: healthcheck"
        "#]],
    );
}
