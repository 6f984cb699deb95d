//! Merge and split.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn children_follow_their_parent_and_cite_its_analysis() {
    check(
        "at 0s signal db prod P2
         at 1s signal api prod P1
         at 2s merge alice 1 2
         show 1
         show 2
         at 3s ack alice 1
         at 3s ack alice 2
         at 4s resolve alice 1
         at 5s reopen alice 1 \"too early\"
         at 6s ack alice 1
         at 7s resolve alice 1
         at 8s rca alice 2
         at 9s rca alice 1
         show 1
         show 2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #2 opened new_key by system
            1s    filed #2 new_key signals=1
            2s    #2 merged into #1 merged by alice
            2s    #1 P2 -> P1 merged by alice
            2s    #1 merged into #1 merged by alice "incident #2 was merged into this one"
            2s    done #1
                  #1 OPEN P1 signals=1 first=0s last=0s opened=0s key=environment=prod,component=db title="db: failure"
                  #2 OPEN P1 signals=1 first=1s last=1s opened=1s into=#1 key=environment=prod,component=api title="api: failure"
            3s    #1 OPEN -> INVESTIGATING by_hand by alice
            3s    #2 OPEN -> INVESTIGATING follows_parent by alice
            3s    done #1
            3s    refused: follows #1
            4s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            4s    #2 INVESTIGATING -> RESOLVED follows_parent by alice
            4s    done #1
            5s    #1 RESOLVED -> OPEN by_hand by alice "too early"
            5s    #2 RESOLVED -> OPEN follows_parent by alice
            5s    done #1
            6s    #1 OPEN -> INVESTIGATING by_hand by alice
            6s    #2 OPEN -> INVESTIGATING follows_parent by alice
            6s    done #1
            7s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            7s    #2 INVESTIGATING -> RESOLVED follows_parent by alice
            7s    done #1
            8s    refused: follows #1
            9s    #1 RESOLVED -> CLOSED rca_complete by alice
            9s    #2 RESOLVED -> CLOSED follows_parent by alice
            9s    rca of #1 by alice from 0s to 9s
            9s    done #1
                  #1 CLOSED P1 signals=1 first=0s last=0s opened=0s acknowledged=3s resolved=7s closed=9s mtta=3 mttr=9 assignee=alice key=environment=prod,component=db title="db: failure"
                  #2 CLOSED P1 signals=1 first=1s last=1s opened=1s acknowledged=3s resolved=7s closed=9s mtta=2 mttr=9 into=#1 key=environment=prod,component=api title="api: failure"
        "#]],
    );
}

#[test]
fn signals_with_the_key_of_a_child_join_the_parent() {
    check(
        "at 0s signal db prod P2
         at 1s signal api prod P2
         at 2s merge alice 1 2
         at 3s signal api prod P2
         at 4s signal api prod P0 incident=2
         show 1
         show 2
         at 5s ack alice 1
         at 6s resolve alice 1
         at 7s signal api prod P2
         show 1
         show 2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #2 opened new_key by system
            1s    filed #2 new_key signals=1
            2s    #2 merged into #1 merged by alice
            2s    #1 merged into #1 merged by alice "incident #2 was merged into this one"
            2s    done #1
            3s    filed #1 merged_incident signals=2
            4s    filed #1 named_incident signals=3
            4s    #1 P2 -> P0 severity_rose by system
                  #1 OPEN P0 signals=3 first=0s last=4s opened=0s key=environment=prod,component=db title="db: failure"
                  #2 OPEN P2 signals=1 first=1s last=1s opened=1s into=#1 key=environment=prod,component=api title="api: failure"
            5s    #1 OPEN -> INVESTIGATING by_hand by alice
            5s    #2 OPEN -> INVESTIGATING follows_parent by alice
            5s    done #1
            6s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            6s    #2 INVESTIGATING -> RESOLVED follows_parent by alice
            6s    done #1
            7s    filed #1 fired_again signals=4
            7s    #1 RESOLVED -> OPEN fired_again by system
            7s    #2 RESOLVED -> OPEN follows_parent by system
                  #1 OPEN P0 signals=4 first=0s last=7s opened=0s acknowledged=5s assignee=alice key=environment=prod,component=db title="db: failure"
                  #2 OPEN P2 signals=1 first=1s last=1s opened=1s acknowledged=5s into=#1 key=environment=prod,component=api title="api: failure"
        "#]],
    );
}

#[test]
fn merging_makes_no_chains() {
    check(
        "at 0s signal a prod P2
         at 0s signal b prod P2
         at 0s signal c prod P2
         at 0s signal d prod P2
         at 1s merge alice 2 3
         at 2s merge alice 3 4
         at 2s merge alice 4 3
         at 2s merge alice 1 1
         at 2s merge alice 1
         at 2s merge alice 1 9
         at 3s merge alice 1 2 2
         show 2
         show 3
         at 4s signal c prod P2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    #2 opened new_key by system
            0s    filed #2 new_key signals=1
            0s    #3 opened new_key by system
            0s    filed #3 new_key signals=1
            0s    #4 opened new_key by system
            0s    filed #4 new_key signals=1
            1s    #3 merged into #2 merged by alice
            1s    #2 merged into #2 merged by alice "incident #3 was merged into this one"
            1s    done #2
            2s    refused: follows #2
            2s    refused: a child is merged into another incident already
            2s    refused: an incident cannot be merged into itself
            2s    refused: a merge takes between 1 and 100 children
            2s    refused: not found
            3s    #2 merged into #1 merged by alice
            3s    #3 merged into #1 merged by alice
            3s    #1 merged into #1 merged by alice "incident #2 was merged into this one"
            3s    done #1
                  #2 OPEN P2 signals=1 first=0s last=0s opened=0s into=#1 key=environment=prod,component=b title="b: failure"
                  #3 OPEN P2 signals=1 first=0s last=0s opened=0s into=#1 key=environment=prod,component=c title="c: failure"
            4s    filed #1 merged_incident signals=2
        "#]],
    );
}

#[test]
fn what_fires_in_a_child_fires_in_the_parent() {
    check(
        "at 0s alert db prod P2 fp=1 ends=1h
         at 0s alert api prod P2 fp=2 ends=1h
         at 1s merge alice 1 2
         at 2s alert db prod P2 fp=1 resolved
         show 1
         at 3s alert api prod P2 fp=2 resolved
         show 1
         show 2",
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
            2s    filed #1 open_incident signals=2
            2s    alert over all_resolved
                  #1 OPEN P2 signals=2 first=0s last=2s opened=0s key=environment=prod,component=db title="db: failure"
            3s    filed #1 open_incident signals=3
            3s    alert over all_resolved
            3s    #1 OPEN -> RESOLVED all_resolved by system
            3s    #2 OPEN -> RESOLVED follows_parent by system
                  #1 RESOLVED P2 signals=3 first=0s last=3s opened=0s resolved=3s key=environment=prod,component=db title="db: failure"
                  #2 RESOLVED P2 signals=1 first=0s last=0s opened=0s resolved=3s into=#1 key=environment=prod,component=api title="api: failure"
        "#]],
    );
}

#[test]
fn a_resolved_child_reopens_under_an_open_parent_unless_its_key_is_taken() {
    check(
        "at 0s signal db prod P2
         at 1s ack alice 1
         at 2s resolve alice 1
         at 10m signal db prod P2
         at 10m signal api prod P2
         at 11m merge @bot 2 1
         at 11m merge alice 3 1
         at 11m merge alice 2 1
         show 1
         at 12m signal db prod P2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2s    done #1
            10m   #2 opened new_key by system
            10m   filed #2 new_key signals=1
            10m   #3 opened new_key by system
            10m   filed #3 new_key signals=1
            11m   refused: person required
            11m   refused: another incident with a child's grouping key is open
            11m   #1 merged into #2 merged by alice
            11m   #1 RESOLVED -> OPEN follows_parent by alice
            11m   #2 merged into #2 merged by alice "incident #1 was merged into this one"
            11m   done #2
                  #1 OPEN P2 signals=1 first=0s last=0s opened=0s acknowledged=1s assignee=alice into=#2 key=environment=prod,component=db title="db: failure"
            12m   filed #2 merged_incident signals=2
        "#]],
    );
}

#[test]
fn a_family_reopens_only_if_nobody_else_has_one_of_its_keys() {
    check(
        "at 0s signal db prod P2
         at 0s ack alice 1
         at 0s resolve alice 1
         at 1h signal db prod P2
         at 1h signal api prod P2
         at 1h ack alice 3
         at 1h resolve alice 3
         at 1h merge alice 3 1
         at 1h1m signal api prod P2
         show 1
         show 3
         at 1h2m reopen alice 3 \"not over\"",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    #1 OPEN -> INVESTIGATING by_hand by alice
            0s    done #1
            0s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            0s    done #1
            1h    #2 opened new_key by system
            1h    filed #2 new_key signals=1
            1h    #3 opened new_key by system
            1h    filed #3 new_key signals=1
            1h    #3 OPEN -> INVESTIGATING by_hand by alice
            1h    done #3
            1h    #3 INVESTIGATING -> RESOLVED by_hand by alice
            1h    done #3
            1h    #1 merged into #3 merged by alice
            1h    #3 merged into #3 merged by alice "incident #1 was merged into this one"
            1h    done #3
            1h1m  #4 opened new_key by system
            1h1m  filed #4 new_key signals=1
                  #1 RESOLVED P2 signals=1 first=0s last=0s opened=0s acknowledged=0s resolved=0s assignee=alice into=#3 key=environment=prod,component=db title="db: failure"
                  #3 RESOLVED P2 signals=1 first=1h last=1h opened=1h acknowledged=1h resolved=1h assignee=alice key=environment=prod,component=api title="api: failure"
            1h2m  refused: RESOLVED -> OPEN is illegal, legal ["CLOSED"]
        "#]],
    );
}

#[test]
fn an_open_child_follows_into_a_resolved_parent() {
    check(
        "at 0s signal db prod P2
         at 0s ack alice 1
         at 0s resolve alice 1
         at 1s signal api prod P2
         at 2s merge alice 1 2
         show 2
         at 3s signal api prod P2
         show 1
         show 2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    #1 OPEN -> INVESTIGATING by_hand by alice
            0s    done #1
            0s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            0s    done #1
            1s    #2 opened new_key by system
            1s    filed #2 new_key signals=1
            2s    #2 merged into #1 merged by alice
            2s    #2 OPEN -> RESOLVED follows_parent by alice
            2s    #1 merged into #1 merged by alice "incident #2 was merged into this one"
            2s    done #1
                  #2 RESOLVED P2 signals=1 first=1s last=1s opened=1s resolved=2s into=#1 key=environment=prod,component=api title="api: failure"
            3s    filed #1 fired_again signals=2
            3s    #1 RESOLVED -> OPEN fired_again by system
            3s    #2 RESOLVED -> OPEN follows_parent by system
                  #1 OPEN P2 signals=2 first=0s last=3s opened=0s acknowledged=0s assignee=alice key=environment=prod,component=db title="db: failure"
                  #2 OPEN P2 signals=1 first=1s last=1s opened=1s into=#1 key=environment=prod,component=api title="api: failure"
        "#]],
    );
}

#[test]
fn quiet_is_the_parents_alone() {
    check(
        "at 0s policy alice p auto_lifecycle quiet=10s
         at 0s signal db prod P2
         at 5s signal api prod P2
         at 6s merge alice 1 2
         until 1h
         show 2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            5s    #2 opened new_key by system
            5s    filed #2 new_key signals=1
            6s    #2 merged into #1 merged by alice
            6s    #1 merged into #1 merged by alice "incident #2 was merged into this one"
            6s    done #1
            10s   #1 OPEN -> INVESTIGATING quiet by system
            10s   #2 OPEN -> INVESTIGATING follows_parent by system
            50s   #1 INVESTIGATING -> RESOLVED quiet_window by system
            50s   #2 INVESTIGATING -> RESOLVED follows_parent by system
                  #2 RESOLVED P2 signals=1 first=5s last=5s opened=5s acknowledged=10s resolved=50s into=#1 key=environment=prod,component=api title="api: failure"
        "#]],
    );
}

#[test]
fn split_moves_signals_into_an_incident_of_its_own() {
    check(
        "at 0s signal db prod P1 times=3
         at 1s split alice 1 2 3 title=\"another thing\"
         show 1
         show 2
         at 2s signal db prod P2
         at 3s split alice 1 2
         at 3s split alice 1 1 4
         at 3s split alice 1
         at 3s split alice 1 5
         at 3s split alice 1 0
         at 3s split alice 1 99
         at 4s ack alice 2
         at 4s resolve alice 2
         at 4s split alice 2 2
         at 5s rca alice 2
         at 6s split alice 2 2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    filed #1 open_incident signals=2..=3
            1s    #2 opened split by alice
            1s    #1 split 2 with #2 split by alice
            1s    #2 split 2 with #1 split by alice
            1s    moved signal 2 from #1 to #2
            1s    moved signal 3 from #1 to #2
            1s    done #2
                  #1 OPEN P1 signals=1 first=0s last=0s opened=0s key=environment=prod,component=db title="db: failure"
                  #2 OPEN P1 signals=2 first=0s last=0s opened=1s from=#1 key=split=018bcfe5-6be8-8658-9f2f-bdf4bbd4fe75 title="another thing"
            2s    filed #1 open_incident signals=2
            3s    refused: one of the signals was split off before
            3s    refused: at least one signal has to stay
            3s    refused: a split moves between 1 and 10 000 signals
            3s    #3 opened split by alice
            3s    #1 split 1 with #3 split by alice
            3s    #3 split 1 with #1 split by alice
            3s    moved signal 5 from #1 to #3
            3s    done #3
            3s    refused: one of the positions holds no signal
            3s    refused: one of the positions holds no signal
            4s    #2 OPEN -> INVESTIGATING by_hand by alice
            4s    done #2
            4s    #2 INVESTIGATING -> RESOLVED by_hand by alice
            4s    done #2
            4s    refused: only an incident that is OPEN or INVESTIGATING and not merged can be split
            5s    #2 RESOLVED -> CLOSED rca_complete by alice
            5s    rca of #2 by alice from 0s to 5s
            5s    done #2
            6s    refused: CLOSED -> CLOSED is illegal, legal []
        "#]],
    );
}

#[test]
fn a_child_cannot_be_split() {
    check(
        "at 0s signal db prod P2 times=2
         at 0s signal api prod P2 times=2
         at 1s merge alice 1 2
         at 2s split alice 2 3",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    filed #1 open_incident signals=2
            0s    #2 opened new_key by system
            0s    filed #2 new_key signals=1
            0s    filed #2 open_incident signals=2
            1s    #2 merged into #1 merged by alice
            1s    #1 merged into #1 merged by alice "incident #2 was merged into this one"
            1s    done #1
            2s    refused: only an incident that is OPEN or INVESTIGATING and not merged can be split
        "#]],
    );
}
