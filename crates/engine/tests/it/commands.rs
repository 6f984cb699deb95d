//! What people and agents do besides moving an incident, and doing it twice.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn comments_links_and_assignments_are_audited() {
    check(
        "at 0s signal db prod P2
         at 1s comment @bot 1 \"looks like the disk\"
         at 2s link alice 1 runbook
         at 3s assign alice 1 bob
         at 4s severity alice 1 P0
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 comment by_hand by @bot "looks like the disk"
            1s    done #1
            2s    #1 link https://e.org by_hand by alice "runbook"
            2s    done #1
            3s    #1 assigned to bob by_hand by alice
            3s    done #1
            4s    #1 P2 -> P0 by_hand by alice
            4s    done #1
                  #1 OPEN P0 pinned signals=1 first=0s last=0s opened=0s assignee=bob key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn the_same_key_and_request_give_the_first_outcome() {
    check(
        "at 0s signal db prod P2
         at 1s ack alice 1 key=k
         at 2s ack alice 1 key=k
         at 3s resolve alice 1 key=k
         at 4s in 2 ack alice 1/1 key=k",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            2s    done #1
            3s    refused: idempotency mismatch
            4s    refused: not found
        "#]],
    );
}

#[test]
fn a_refused_command_may_be_asked_again_with_its_key() {
    check(
        "at 0s signal db prod P2
         at 1s resolve alice 1 key=k
         at 2s ack alice 1
         at 3s resolve alice 1 key=k
         at 4s resolve alice 1 key=k",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    refused: OPEN -> RESOLVED is illegal, legal ["INVESTIGATING"]
            2s    #1 OPEN -> INVESTIGATING by_hand by alice
            2s    done #1
            3s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3s    done #1
            4s    done #1
        "#]],
    );
}
