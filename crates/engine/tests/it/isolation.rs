//! Nothing crosses a project: not by id, not by key, not by name (I6).

use expect_test::expect;

use crate::timeline::check;

#[test]
fn the_same_everything_in_two_projects_is_two_of_everything() {
    check(
        "at 0s signal db prod P2 id=a
         at 0s in 2 signal db prod P2 id=a
         at 1s alert db prod P2 fp=1 ends=1h
         at 1s in 2 alert db prod P2 fp=1 ends=1h
         at 2s in 2 alert db prod P2 fp=1 resolved
         at 2s in 2 signal db prod P2 resolved
         show 1
         show 2/1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    2#1 opened new_key by system
            0s    filed 2#1 new_key signals=1
            1s    filed #1 open_incident signals=2
            1s    alert 1 fires in #1
            1s    filed 2#1 open_incident signals=2
            1s    alert 1 fires in 2#1
            2s    filed 2#1 open_incident signals=3
            2s    alert over all_resolved
            2s    filed 2#1 open_incident signals=4
            2s    2#1 OPEN -> RESOLVED all_resolved by system
                  #1 OPEN P2 signals=2 first=0s last=1s opened=0s key=environment=prod,component=db title="db: failure"
                  2#1 RESOLVED P2 signals=4 first=0s last=2s opened=0s resolved=2s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn another_projects_incident_cannot_be_touched() {
    check(
        "at 0s signal db prod P2
         at 0s in 2 signal db prod P2
         at 1s in 2 signal db prod P2 incident=1/1
         at 1s in 2 signal db prod P2 incident=1/1 resolved
         at 1s in 2 ack eve 1/1
         at 1s in 2 comment eve 1/1 hello
         at 1s in 2 assign eve 1/1 eve
         at 1s in 2 link eve 1/1 hello
         at 1s in 2 severity eve 1/1 P0
         at 1s in 2 merge eve 1 1/1
         at 1s in 2 merge eve 1/1 1
         at 1s in 2 split eve 1/1 1
         at 2s ack alice 1
         at 2s resolve alice 1
         at 2s in 2 rca eve 1/1
         at 3s rca alice 1
         at 4s in 2 rca eve 1/1
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    2#1 opened new_key by system
            0s    filed 2#1 new_key signals=1
            1s    filed 2#1 open_incident signals=2
            1s    filed 2#1 open_incident signals=3
            1s    2#1 OPEN -> RESOLVED all_resolved by system
            1s    refused: not found
            1s    refused: not found
            1s    refused: not found
            1s    refused: not found
            1s    refused: not found
            1s    refused: not found
            1s    refused: not found
            1s    refused: not found
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2s    done #1
            2s    refused: not found
            3s    #1 RESOLVED -> CLOSED rca_complete by alice
            3s    rca of #1 by alice from 0s to 3s
            3s    done #1
            4s    refused: not found
                  #1 CLOSED P2 signals=1 first=0s last=0s opened=0s acknowledged=2s resolved=2s closed=3s mtta=2 mttr=3 assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn another_projects_policy_is_neither_in_force_nor_there() {
    check(
        "at 0s policy alice p window cap=1
         at 0s in 2 signal db prod P2 times=2
         at 0s in 2 unpolicy eve p
         at 0s in 2 policy eve p version=1
         at 0s in 2 policy eve p
         at 0s in 2 unpolicy eve p
         at 0s signal db prod P2 times=2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    2#1 opened new_key by system
            0s    filed 2#1 new_key signals=1
            0s    filed 2#1 open_incident signals=2
            0s    refused: not found
            0s    refused: not found
            0s    policy saved version 1 by_hand by eve "p"
            0s    done policy version 1
            0s    policy removed by_hand by eve "p"
            0s    done policy version 1
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    #2 opened window_full by system
            0s    filed #2 window_full signals=1
        "#]],
    );
}

#[test]
fn keys_of_commands_are_those_of_a_project() {
    check(
        "at 0s signal db prod P2
         at 0s in 2 signal db prod P2
         at 1s ack alice 1 key=k
         at 1s in 2 ack alice 1 key=k",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    2#1 opened new_key by system
            0s    filed 2#1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            1s    2#1 OPEN -> INVESTIGATING by_hand by alice
            1s    done 2#1
        "#]],
    );
}
