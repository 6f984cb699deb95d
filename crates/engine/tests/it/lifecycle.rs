//! Every row of the lifecycle table, and what is not in it.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn a_person_and_an_agent_take_and_resolve_an_incident() {
    check(
        "at 0s signal db prod P2
         at 10s ack alice 1
         at 20s resolve alice 1 \"failed over\"
         show 1
         at 30s signal cache prod P2
         at 40s ack @bot 2
         at 50s assign alice 2 bob
         at 60s resolve @bot 2
         show 2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            10s   #1 OPEN -> INVESTIGATING by_hand by alice
            10s   done #1
            20s   #1 INVESTIGATING -> RESOLVED by_hand by alice "failed over"
            20s   done #1
                  #1 RESOLVED P2 signals=1 first=0s last=0s opened=0s acknowledged=10s resolved=20s assignee=alice key=environment=prod,component=db title="db: failure"
            30s   #2 opened new_key by system
            30s   filed #2 new_key signals=1
            40s   #2 OPEN -> INVESTIGATING by_hand by @bot
            40s   done #2
            50s   #2 assigned to bob by_hand by alice
            50s   done #2
            1m    #2 INVESTIGATING -> RESOLVED by_hand by @bot
            1m    done #2
                  #2 RESOLVED P2 signals=1 first=30s last=30s opened=30s acknowledged=40s resolved=1m assignee=bob key=environment=prod,component=cache title="cache: failure"
        "#]],
    );
}

#[test]
fn an_acknowledgement_leaves_the_assignee_who_was_there_first() {
    check(
        "at 0s signal db prod P2
         at 1s assign alice 1 carol
         at 2s ack alice 1
         show 1
         at 3s assign alice 1 -
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 assigned to carol by_hand by alice
            1s    done #1
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
                  #1 INVESTIGATING P2 signals=1 first=0s last=0s opened=0s acknowledged=2s assignee=carol key=environment=prod,component=db title="db: failure"
            3s    #1 assigned to - by_hand by alice
            3s    done #1
                  #1 INVESTIGATING P2 signals=1 first=0s last=0s opened=0s acknowledged=2s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn quiet_moves_an_incident_on_at_its_deadlines() {
    check(
        "at 0s policy alice p auto_lifecycle
         at 1s signal db prod P2
         next
         until 10m
         show 1",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
                  next 1m1s
            1m1s  #1 OPEN -> INVESTIGATING quiet by system
            5m1s  #1 INVESTIGATING -> RESOLVED quiet_window by system
                  #1 RESOLVED P2 signals=1 first=1s last=1s opened=1s acknowledged=1m1s resolved=5m1s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn a_signal_puts_quiet_off_and_a_tick_never_does() {
    check(
        "at 0s policy alice p auto_lifecycle quiet=10s
         at 1s signal db prod P2
         at 5s tick
         next
         at 6s signal db prod P2
         at 11s tick
         next
         at 15s tick
         next
         at 16s tick
         next
         at 17s tick
         at 40s tick
         next
         at 55s tick
         at 56s tick
         next",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
                  next 11s
            6s    filed #1 open_incident signals=2
                  next 16s
                  next 16s
            16s   #1 OPEN -> INVESTIGATING quiet by system
                  next 56s
                  next 56s
            56s   #1 INVESTIGATING -> RESOLVED quiet_window by system
                  next -
        "#]],
    );
}

#[test]
fn a_late_tick_moves_one_step_and_the_next_one_counts_from_there() {
    check(
        "at 0s policy alice p auto_lifecycle quiet=10s
         at 0s signal db prod P2
         at 1h tick
         next
         at 1h39s tick
         at 1h40s tick",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1h    #1 OPEN -> INVESTIGATING quiet by system
                  next 1h40s
            1h40s #1 INVESTIGATING -> RESOLVED quiet_window by system
        "#]],
    );
}

#[test]
fn a_new_spike_reopens_only_what_the_system_had_moved() {
    check(
        "at 0s policy alice p auto_lifecycle quiet=10s
         at 0s signal db prod P2
         at 10s tick
         at 20s signal db prod P2
         show 1
         at 25s ack alice 1
         at 26s signal db prod P2
         show 1",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            10s   #1 OPEN -> INVESTIGATING quiet by system
            20s   filed #1 open_incident signals=2
            20s   #1 INVESTIGATING -> OPEN new_spike by system
                  #1 OPEN P2 signals=2 first=0s last=20s opened=0s acknowledged=10s key=environment=prod,component=db title="db: failure"
            25s   #1 OPEN -> INVESTIGATING by_hand by alice
            25s   done #1
            26s   filed #1 open_incident signals=3
                  #1 INVESTIGATING P2 signals=3 first=0s last=26s opened=0s acknowledged=10s assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn the_system_resolves_what_a_person_took_when_it_stays_quiet() {
    check(
        "at 0s policy alice p auto_lifecycle quiet=10s
         at 0s signal db prod P2
         at 5s ack alice 1
         until 49s
         until 51s",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            5s    #1 OPEN -> INVESTIGATING by_hand by alice
            5s    done #1
            50s   #1 INVESTIGATING -> RESOLVED quiet_window by system
        "#]],
    );
}

#[test]
fn without_auto_lifecycle_nothing_moves_by_itself() {
    check(
        "at 0s signal db prod P2
         next
         at 24h tick
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
                  next -
                  #1 OPEN P2 signals=1 first=0s last=0s opened=0s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn reopening_by_hand_is_not_undone_by_the_system() {
    check(
        "at 0s policy alice p auto_lifecycle quiet=10s
         at 0s signal db prod P2
         at 1s ack alice 1
         at 2s resolve alice 1
         at 3s reopen alice 1 \"not over\"
         next
         until 1h
         show 1
         at 1h signal db prod P2
         next
         until 2h",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2s    done #1
            3s    #1 RESOLVED -> OPEN by_hand by alice "not over"
            3s    done #1
                  next -
                  #1 OPEN P2 signals=1 first=0s last=0s opened=0s acknowledged=1s assignee=alice key=environment=prod,component=db title="db: failure"
            1h    filed #1 open_incident signals=2
                  next 1h10s
            1h10s #1 OPEN -> INVESTIGATING quiet by system
            1h50s #1 INVESTIGATING -> RESOLVED quiet_window by system
        "#]],
    );
}

#[test]
fn reopening_by_hand_takes_a_person_and_a_reason() {
    check(
        "at 0s signal db prod P2
         at 1s ack alice 1
         at 2s resolve alice 1
         at 3s reopen alice 1
         at 3s reopen alice 1 \"  \"
         at 3s reopen @bot 1 \"not over\"
         at 3s reopen alice 1 \"not over\"
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2s    done #1
            3s    refused: reason required
            3s    refused: reason required
            3s    refused: person required
            3s    #1 RESOLVED -> OPEN by_hand by alice "not over"
            3s    done #1
                  #1 OPEN P2 signals=1 first=0s last=0s opened=0s acknowledged=1s assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn reopening_by_hand_is_refused_while_another_incident_has_the_key() {
    check(
        "at 0s signal db prod P2
         at 1s ack alice 1
         at 2s resolve alice 1
         at 10m signal db prod P2
         at 11m reopen alice 1 \"not over\"
         at 11m ack alice 1
         at 12m ack alice 2
         at 12m resolve alice 2
         at 13m reopen alice 1 \"not over\"",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2s    done #1
            10m   #2 opened new_key by system
            10m   filed #2 new_key signals=1
            11m   refused: RESOLVED -> OPEN is illegal, legal ["CLOSED"]
            11m   refused: RESOLVED -> INVESTIGATING is illegal, legal ["CLOSED"]
            12m   #2 OPEN -> INVESTIGATING by_hand by alice
            12m   done #2
            12m   #2 INVESTIGATING -> RESOLVED by_hand by alice
            12m   done #2
            13m   #1 RESOLVED -> OPEN by_hand by alice "not over"
            13m   done #1
        "#]],
    );
}

#[test]
fn windows_of_one_key_are_open_side_by_side_and_reopen_so() {
    check(
        "at 0s policy alice p window cap=1
         at 0s signal db prod P2 times=3
         at 1s ack alice 1
         at 1s resolve alice 1
         at 1s ack alice 3
         at 1s resolve alice 3
         at 1s rca alice 3
         at 2s reopen alice 1 \"not over\"",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    #2 opened window_full by system
            0s    filed #2 window_full signals=1
            0s    #3 opened window_full by system
            0s    filed #3 window_full signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            1s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            1s    done #1
            1s    #3 OPEN -> INVESTIGATING by_hand by alice
            1s    done #3
            1s    #3 INVESTIGATING -> RESOLVED by_hand by alice
            1s    done #3
            1s    #3 RESOLVED -> CLOSED rca_complete by alice
            1s    rca of #3 by alice from 0s to 1s
            1s    done #3
            2s    #1 RESOLVED -> OPEN by_hand by alice "not over"
            2s    done #1
        "#]],
    );
}

#[test]
fn illegal_moves_say_what_is_legal() {
    check(
        "at 0s signal db prod P2
         at 1s resolve alice 1
         at 1s reopen alice 1 why
         at 1s close alice 1
         at 1s rca alice 1
         at 2s ack alice 1
         at 3s ack alice 1
         at 3s close alice 1
         at 3s rca alice 1
         at 4s resolve alice 1
         at 5s ack alice 1
         at 5s resolve alice 1
         at 5s close alice 1
         at 6s rca alice 1
         at 7s ack alice 1
         at 7s resolve alice 1
         at 7s reopen alice 1 why
         at 7s close alice 1
         at 7s rca alice 1
         at 7s comment alice 1 hello
         at 8s ack alice 7",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    refused: OPEN -> RESOLVED is illegal, legal ["INVESTIGATING"]
            1s    refused: OPEN -> OPEN is illegal, legal ["INVESTIGATING"]
            1s    refused: OPEN -> CLOSED is illegal, legal ["INVESTIGATING"]
            1s    refused: OPEN -> CLOSED is illegal, legal ["INVESTIGATING"]
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    refused: INVESTIGATING -> INVESTIGATING is illegal, legal ["RESOLVED"]
            3s    refused: INVESTIGATING -> CLOSED is illegal, legal ["RESOLVED"]
            3s    refused: INVESTIGATING -> CLOSED is illegal, legal ["RESOLVED"]
            4s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            4s    done #1
            5s    refused: RESOLVED -> INVESTIGATING is illegal, legal ["OPEN", "CLOSED"]
            5s    refused: RESOLVED -> RESOLVED is illegal, legal ["OPEN", "CLOSED"]
            5s    refused: rca required
            6s    #1 RESOLVED -> CLOSED rca_complete by alice
            6s    rca of #1 by alice from 0s to 6s
            6s    done #1
            7s    refused: CLOSED -> INVESTIGATING is illegal, legal []
            7s    refused: CLOSED -> RESOLVED is illegal, legal []
            7s    refused: CLOSED -> OPEN is illegal, legal []
            7s    refused: CLOSED -> CLOSED is illegal, legal []
            7s    refused: CLOSED -> CLOSED is illegal, legal []
            7s    refused: CLOSED -> CLOSED is illegal, legal []
            8s    refused: not found
        "#]],
    );
}

#[test]
fn everything_resolved_at_its_source_resolves_the_incident() {
    check(
        "at 0s signal db prod P2 code=A
         at 1s signal db prod P2 code=B
         at 2s signal db prod P2 code=A resolved
         at 3s signal db prod P2 code=X resolved
         at 4s signal db prod P2 code=B resolved
         show 1
         at 5s signal db prod P2 code=B resolved
         at 6s signal db prod P2 code=B
         at 7s ack alice 1
         at 8s signal db prod P2 code=B resolved",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    filed #1 open_incident signals=2
            2s    filed #1 open_incident signals=3
            3s    filed #1 open_incident signals=4
            4s    filed #1 open_incident signals=5
            4s    #1 OPEN -> RESOLVED all_resolved by system
                  #1 RESOLVED P2 signals=5 first=0s last=4s opened=0s resolved=4s key=environment=prod,component=db title="db: A"
            5s    filed - nothing_firing
            6s    filed #1 fired_again signals=6
            6s    #1 RESOLVED -> OPEN fired_again by system
            7s    #1 OPEN -> INVESTIGATING by_hand by alice
            7s    done #1
            8s    filed #1 open_incident signals=7
            8s    #1 INVESTIGATING -> RESOLVED all_resolved by system
        "#]],
    );
}

#[test]
fn a_policy_may_leave_resolving_to_people() {
    check(
        "at 0s policy alice p stays_with_alerts
         at 0s signal db prod P2
         at 1s signal db prod P2 resolved
         show 1",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    filed #1 open_incident signals=2
                  #1 OPEN P2 signals=2 first=0s last=1s opened=0s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn a_resolved_incident_of_the_current_window_reopens() {
    check(
        "at 0s policy alice p window cap=3
         at 0s signal db prod P2
         at 1s signal db prod P2 resolved
         at 2s signal db prod P2
         at 3s signal db prod P2 times=2
         show 1
         at 4s policy alice p version=1 window cap=9 reopen_within=0s
         at 20s signal db prod P2
         at 21s signal db prod P2 resolved
         at 22s signal db prod P2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    filed #1 open_incident signals=2
            1s    #1 OPEN -> RESOLVED all_resolved by system
            2s    filed #1 current_window signals=3
            2s    #1 RESOLVED -> OPEN fired_again by system
            3s    filed #1 current_window signals=4
            3s    #2 opened window_full by system
            3s    filed #2 window_full signals=1
                  #1 OPEN P2 signals=4 first=0s last=3s opened=0s key=environment=prod,component=db title="db: failure"
            4s    policy saved version 2 by_hand by alice "p"
            4s    done policy version 2
            20s   #3 opened window_elapsed by system
            20s   filed #3 window_elapsed signals=1
            21s   filed #3 open_incident signals=2
            21s   #1 OPEN -> RESOLVED all_resolved by system
            21s   #2 OPEN -> RESOLVED all_resolved by system
            21s   #3 OPEN -> RESOLVED all_resolved by system
            22s   #4 opened new_key by system
            22s   filed #4 new_key signals=1
        "#]],
    );
}
