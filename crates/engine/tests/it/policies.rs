//! Policies: which one decides, from when, and in what version.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn a_policy_is_in_force_from_the_next_entry_and_until_it_is_removed() {
    check(
        "at 0s signal db prod P2
         at 0s policy alice p window cap=1
         at 0s signal db prod P2 times=2
         at 0s unpolicy alice p
         at 0s signal db prod P2",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            0s    #2 opened new_key by system
            0s    filed #2 new_key signals=1
            0s    #3 opened window_full by system
            0s    filed #3 window_full signals=1
            0s    policy removed by_hand by alice "p"
            0s    done policy version 1
            0s    filed #1 open_incident signals=2
        "#]],
    );
}

#[test]
fn versions_count_up_and_a_stale_one_is_refused() {
    check(
        "at 0s policy alice p
         at 1s policy alice p
         at 2s policy alice p version=1
         at 3s policy alice p version=1
         at 4s policy alice other version=1
         at 5s unpolicy alice p version=1
         at 6s unpolicy alice p version=2
         at 7s unpolicy alice p
         at 8s policy alice p",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            1s    refused: stale, current version 1
            2s    policy saved version 2 by_hand by alice "p"
            2s    done policy version 2
            3s    refused: stale, current version 2
            4s    refused: not found
            5s    refused: stale, current version 2
            6s    policy removed by_hand by alice "p"
            6s    done policy version 2
            7s    refused: not found
            8s    policy saved version 1 by_hand by alice "p"
            8s    done policy version 1
        "#]],
    );
}

#[test]
fn the_first_policy_that_fits_decides() {
    check(
        "at 0s policy alice late position=9 by=environment
         at 0s policy alice early position=1 by=component match.environment=prod,stag*
         at 1s signal db prod P2
         at 1s signal db staging P2
         at 1s signal db test P2
         at 1s signal cache test P2
         show 1
         show 2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "late"
            0s    done policy version 1
            0s    policy saved version 1 by_hand by alice "early"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    filed #1 open_incident signals=2
            1s    #2 opened new_key by system
            1s    filed #2 new_key signals=1
            1s    filed #2 open_incident signals=2
                  #1 OPEN P2 signals=2 first=1s last=1s opened=1s key=component=db title="db: failure"
                  #2 OPEN P2 signals=2 first=1s last=1s opened=1s key=environment=test title="db: failure"
        "#]],
    );
}

#[test]
fn a_matcher_takes_lists_and_globs_and_all_of_its_conditions() {
    check(
        "at 0s policy alice p by=labels.team match.component=db-*,cache-? match.labels.team=core match.severity=P1
         at 1s signal db-1 prod P1 labels.team=core
         at 1s signal cache-7 test P1 labels.team=core
         at 1s signal cache-77 prod P1 labels.team=core
         at 1s signal db-1 prod P2 labels.team=core
         at 1s signal db-1 prod P1 labels.team=edge
         at 1s signal db-1 prod P1
         show 1",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    filed #1 open_incident signals=2
            1s    #2 opened new_key by system
            1s    filed #2 new_key signals=1
            1s    #3 opened new_key by system
            1s    filed #3 new_key signals=1
            1s    filed #3 open_incident signals=2
            1s    #3 P2 -> P1 severity_rose by system
            1s    filed #3 open_incident signals=3
                  #1 OPEN P1 signals=2 first=1s last=1s opened=1s key=labels.team=core title="db-1: failure"
        "#]],
    );
}

#[test]
fn an_empty_key_falls_back_to_identity() {
    check(
        "at 0s policy alice p by=labels.team,trace_id
         at 1s signal db prod P2 code=A
         at 1s signal db prod P2 code=B
         at 1s signal db prod P1 code=A summary=other
         at 1s signal db prod P2 code=A labels.team=core
         show 1
         show 3
         at 2s policy alice p by= version=1
         at 2s signal db prod P2 code=A
         at 2s signal db prod P2 code=B",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    #2 opened new_key by system
            1s    filed #2 new_key signals=1
            1s    filed #1 open_incident signals=2
            1s    #1 P2 -> P1 severity_rose by system
            1s    #3 opened new_key by system
            1s    filed #3 new_key signals=1
                  #1 OPEN P1 signals=2 first=1s last=1s opened=1s key=identity=0e93b19651668926311d219c10775b28 title="db: A"
                  #3 OPEN P2 signals=1 first=1s last=1s opened=1s key=labels.team=core title="db: A"
            2s    policy saved version 2 by_hand by alice "p"
            2s    done policy version 2
            2s    #4 opened new_key by system
            2s    filed #4 new_key signals=1
            2s    #5 opened new_key by system
            2s    filed #5 new_key signals=1
        "#]],
    );
}

#[test]
fn a_change_of_what_a_policy_groups_by_starts_new_keys() {
    check(
        "at 0s policy alice p by=component
         at 1s signal prod prod P2
         at 2s policy alice p by=environment version=1
         at 3s signal prod prod P2
         at 4s policy alice p by=environment window cap=5 version=2
         at 5s signal prod prod P2
         at 6s policy alice p by=environment version=3
         at 7s signal prod prod P2",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            2s    policy saved version 2 by_hand by alice "p"
            2s    done policy version 2
            3s    #2 opened new_key by system
            3s    filed #2 new_key signals=1
            4s    policy saved version 3 by_hand by alice "p"
            4s    done policy version 3
            5s    #3 opened new_key by system
            5s    filed #3 new_key signals=1
            6s    policy saved version 4 by_hand by alice "p"
            6s    done policy version 4
            7s    filed #2 open_incident signals=2
        "#]],
    );
}

#[test]
fn an_incident_keeps_the_conduct_of_the_policy_that_opened_it() {
    check(
        "at 0s policy alice p auto_lifecycle quiet=10s
         at 1s signal db prod P2
         at 2s policy alice p version=1
         until 1m",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            2s    policy saved version 2 by_hand by alice "p"
            2s    done policy version 2
            11s   #1 OPEN -> INVESTIGATING quiet by system
            51s   #1 INVESTIGATING -> RESOLVED quiet_window by system
        "#]],
    );
}

#[test]
fn every_field_can_be_part_of_a_key() {
    check(
        "at 0s policy alice p by=component,component_type,environment,kind,severity,source,error_code,trace_id,summary,labels.team
         at 1s signal db prod P2 type=RDBMS kind=alert source=prometheus code=E1 trace=abc summary=full labels.team=core
         show 1
         at 1s signal db prod P2 type=RDBMS kind=alert source=prometheus code=E1 trace=abc summary=fuller labels.team=core",
        expect![[r#"
            0s    policy saved version 1 by_hand by alice "p"
            0s    done policy version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
                  #1 OPEN P2 signals=1 first=1s last=1s opened=1s key=component=db,component_type=RDBMS,environment=prod,kind=alert,severity=P2,source=prometheus,error_code=E1,trace_id=abc,summary=full,labels.team=core title="db: full"
            1s    #2 opened new_key by system
            1s    filed #2 new_key signals=1
        "#]],
    );
}
