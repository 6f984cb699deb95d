//! The gate before CLOSED.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn a_complete_analysis_closes_with_its_figures() {
    check(
        "at 0s signal db prod P2
         at 90500ms ack alice 1
         at 3m resolve alice 1
         at 5m rca alice 1
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1m30s500ms #1 OPEN -> INVESTIGATING by_hand by alice
            1m30s500ms done #1
            3m    #1 INVESTIGATING -> RESOLVED by_hand by alice
            3m    done #1
            5m    #1 RESOLVED -> CLOSED rca_complete by alice
            5m    rca of #1 by alice from 0s to 5m
            5m    done #1
                  #1 CLOSED P2 signals=1 first=0s last=0s opened=0s acknowledged=1m30s500ms resolved=3m closed=5m mtta=90 mttr=300 assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn start_and_end_may_be_given() {
    check(
        "at 10m signal db prod P2
         at 11m ack alice 1
         at 12m resolve alice 1
         at 13m rca alice 1 start=12m end=11m
         at 13m rca alice 1 start=20m end=21m
         at 13m rca alice 1 start=5m end=11m30s
         show 1",
        expect![[r#"
            10m   #1 opened new_key by system
            10m   filed #1 new_key signals=1
            11m   #1 OPEN -> INVESTIGATING by_hand by alice
            11m   done #1
            12m   #1 INVESTIGATING -> RESOLVED by_hand by alice
            12m   done #1
            13m   refused: rca invalid: incident_end before_start
            13m   refused: rca invalid: incident_end in_future, incident_start in_future
            13m   #1 RESOLVED -> CLOSED rca_complete by alice
            13m   rca of #1 by alice from 5m to 11m30s
            13m   done #1
                  #1 CLOSED P2 signals=1 first=10m last=10m opened=10m acknowledged=11m resolved=12m closed=13m mtta=60 mttr=390 assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn every_bad_field_is_named_and_nothing_closes() {
    check(
        "at 0s signal db prod P2
         at 1s ack alice 1
         at 2s resolve alice 1
         at 3s rca alice 1 category=GREMLINS fix=\"   nineteen characters   \" prevention=\"\"
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2s    done #1
            3s    refused: rca invalid: root_cause_category unknown_value, fix_applied too_short, prevention_steps missing
                  #1 RESOLVED P2 signals=1 first=0s last=0s opened=0s acknowledged=1s resolved=2s assignee=alice key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn of_two_who_close_at_once_one_succeeds() {
    check(
        "at 0s signal db prod P2
         at 1s ack alice 1
         at 2s resolve alice 1
         at 3s rca alice 1
         at 3s rca bob 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2s    done #1
            3s    #1 RESOLVED -> CLOSED rca_complete by alice
            3s    rca of #1 by alice from 0s to 3s
            3s    done #1
            3s    refused: CLOSED -> CLOSED is illegal, legal []
        "#]],
    );
}

#[test]
fn an_agent_neither_closes_nor_reopens() {
    check(
        "at 0s signal db prod P2
         at 1s ack @bot 1
         at 2s resolve @bot 1
         at 3s rca @bot 1
         at 3s close @bot 1
         at 3s reopen @bot 1 why
         show 1",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by @bot
            1s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by @bot
            2s    done #1
            3s    refused: person required
            3s    refused: rca required
            3s    refused: person required
                  #1 RESOLVED P2 signals=1 first=0s last=0s opened=0s acknowledged=1s resolved=2s assignee=bot key=environment=prod,component=db title="db: failure"
        "#]],
    );
}

#[test]
fn after_closing_the_key_opens_a_new_incident() {
    check(
        "at 0s signal db prod P2
         at 1s ack alice 1
         at 2s resolve alice 1
         at 3s rca alice 1
         at 4s signal db prod P2
         show 2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            1s    #1 OPEN -> INVESTIGATING by_hand by alice
            1s    done #1
            2s    #1 INVESTIGATING -> RESOLVED by_hand by alice
            2s    done #1
            3s    #1 RESOLVED -> CLOSED rca_complete by alice
            3s    rca of #1 by alice from 0s to 3s
            3s    done #1
            4s    #2 opened new_key by system
            4s    filed #2 new_key signals=1
                  #2 OPEN P2 signals=1 first=4s last=4s opened=4s key=environment=prod,component=db title="db: failure"
        "#]],
    );
}
