//! What is held back, and why: timelines.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn a_silence_holds_back_and_tells_when_it_ends_what_is_still_open() {
    check(
        "
        at 0s rule ana all on=opened,resolved to=page
        at 0s silence ana quiet if.component=db|web until=1m
        at 1s signal db prod P1
        at 2s signal web prod P1
        at 3s ack ana 2
        at 4s signal api prod P1
        until 2m
        next
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    silence saved version 1 by_hand by ana "quiet"
            0s    done quiet version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    hold ops opened #1 because all: silenced by quiet
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            2s    hold ops opened #2 because all: silenced by quiet
            3s    #2 OPEN -> INVESTIGATING by_hand by ana
            3s    done #2
            4s    #3 opened new_key by system
            4s    filed #3 new_key signals=1
            4s    tell ops opened #3 because all to page
            1m    tell ops opened #1 because all to page
                  next 120h1m
        "#]],
    );
}

#[test]
fn a_silence_that_is_dropped_ends_at_once_and_is_forgotten_days_later() {
    check(
        "
        at 0s rule ana all on=opened to=page
        at 0s silence ana quiet maintenance if.component=db until=1h
        at 1s signal db prod P1
        at 2s drop ana silence quiet
        at 2s tick
        at 3s silence ana quiet version=2 if.component=db until=2h
        at 4s signal db staging P1
        until 3h
        until 130h
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    silence saved version 1 by_hand by ana "quiet"
            0s    done quiet version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    hold ops opened #1 because all: maintenance by quiet
            2s    silence saved version 2 by_hand by ana "quiet"
            2s    done quiet version 2
            2s    tell ops opened #1 because all to page
            3s    silence saved version 3 by_hand by ana "quiet"
            3s    done quiet version 3
            4s    #2 opened new_key by system
            4s    filed #2 new_key signals=1
            4s    hold ops opened #2 because all: silenced by quiet
            2h    tell ops opened #2 because all to page
            122h  forgot silence quiet
        "#]],
    );
}

#[test]
fn a_silence_that_lies_ahead_holds_nothing_back() {
    check(
        "
        at 0s rule ana all on=opened to=page
        at 0s silence ana later if.environment=prod from=1m until=2m
        at 1s signal a prod P1
        at 61s signal b prod P1
        at 121s signal c prod P1
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    silence saved version 1 by_hand by ana "later"
            0s    done later version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because all to page
            1m1s  #2 opened new_key by system
            1m1s  filed #2 new_key signals=1
            1m1s  hold ops opened #2 because all: silenced by later
            2m1s  #3 opened new_key by system
            2m1s  filed #3 new_key signals=1
            2m1s  tell ops opened #3 because all to page
        "#]],
    );
}

#[test]
fn silences_are_bound_to_both_ends_and_take_at_least_one_condition() {
    check(
        "
        at 0s rule ana all on=opened to=page
        at 0s silence ana none until=1h
        at 0s silence ana short if.component=/d/ until=1h
        at 0s silence ana late if.component=db from=2h until=1h
        at 1s signal db prod P1
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    refused: directive invalid: match
            0s    silence saved version 1 by_hand by ana "short"
            0s    done short version 1
            0s    refused: directive invalid: ends_at
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because all to page
        "#]],
    );
}

#[test]
fn what_something_worse_explains_is_not_told_while_it_fires() {
    check(
        "
        at 0s rule ana all on=signal to=page
        at 0s inhibition ana down source.severity=P0 target.severity=P2 equal=labels.host
        at 1s alert node prod P0 fp=1 labels.host=a
        at 2s alert cpu prod P2 fp=2 labels.host=a
        at 3s alert cpu prod P2 fp=3 labels.host=b
        at 4s alert node prod P0 fp=1 resolved labels.host=a
        at 5s alert disk prod P2 fp=4 labels.host=a
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    inhibition saved version 1 by_hand by ana "down"
            0s    done down version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    alert 1 fires in #1
            1s    tell ops signal signal 3 because all to page
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            2s    alert 2 fires in #2
            2s    hold ops signal signal 4 because all: inhibited by down
            3s    filed #2 open_incident signals=2
            3s    alert 3 fires in #2
            3s    tell ops signal signal 5 because all to page
            4s    filed #1 open_incident signals=2
            4s    alert over all_resolved
            4s    #1 OPEN -> RESOLVED all_resolved by system
            5s    #3 opened new_key by system
            5s    filed #3 new_key signals=1
            5s    alert 4 fires in #3
            5s    tell ops signal signal 7 because all to page
        "#]],
    );
}

#[test]
fn what_fits_both_sides_is_inhibited_by_what_fits_the_source_alone() {
    check(
        "
        at 0s rule ana all on=signal to=page
        at 0s inhibition ana same source.environment=prod target.severity=P2
        at 1s alert a prod P2 fp=1
        at 2s alert b prod P2 fp=2
        at 3s alert c prod P0 fp=3
        at 4s alert d prod P2 fp=4
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    inhibition saved version 1 by_hand by ana "same"
            0s    done same version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    alert 1 fires in #1
            1s    tell ops signal signal 3 because all to page
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            2s    alert 2 fires in #2
            2s    tell ops signal signal 4 because all to page
            3s    #3 opened new_key by system
            3s    filed #3 new_key signals=1
            3s    alert 3 fires in #3
            3s    tell ops signal signal 5 because all to page
            4s    #4 opened new_key by system
            4s    filed #4 new_key signals=1
            4s    alert 4 fires in #4
            4s    hold ops signal signal 6 because all: inhibited by same
        "#]],
    );
}

#[test]
fn nothing_inhibits_itself_and_a_plain_source_lasts_as_long_as_its_incident() {
    check(
        "
        at 0s rule ana all on=opened to=page
        at 0s inhibition ana same source.environment=prod target.severity=P2
        at 1s signal db prod P2
        at 2s signal web staging P2
        at 3s ack ana 1
        at 4s resolve ana 1
        at 5s signal api staging P2
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    inhibition saved version 1 by_hand by ana "same"
            0s    done same version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because all to page
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            2s    hold ops opened #2 because all: inhibited by same
            3s    #1 OPEN -> INVESTIGATING by_hand by ana
            3s    done #1
            4s    #1 INVESTIGATING -> RESOLVED by_hand by ana
            4s    done #1
            5s    #3 opened new_key by system
            5s    filed #3 new_key signals=1
            5s    tell ops opened #3 because all to page
        "#]],
    );
}

#[test]
fn a_rule_tells_no_more_often_than_it_may() {
    check(
        "
        at 0s rule ana two on=signal to=page at_most=2/1m
        at 1s signal a prod P1 times=3
        at 60s signal a prod P1
        at 61s signal a prod P1
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "two"
            0s    done two version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops signal signal 2 because two to page
            1s    filed #1 open_incident signals=2
            1s    tell ops signal signal 3 because two to page
            1s    filed #1 open_incident signals=3
            1s    hold ops signal signal 4 because two: rate_limited by two
            1m    filed #1 open_incident signals=4
            1m    hold ops signal signal 5 because two: rate_limited by two
            1m1s  filed #1 open_incident signals=5
            1m1s  tell ops signal signal 6 because two to page
        "#]],
    );
}

#[test]
fn what_an_inhibition_kept_quiet_is_told_when_its_source_is_gone() {
    check(
        "
        at 0s rule ana all on=opened to=page escalation=chain
        at 0s escalation ana chain steps=1m:first
        at 0s inhibition ana down source.component=db target.component=web|api|cache
        at 1s alert db prod P0 fp=1 ends=1h
        at 2s alert web prod P1 fp=2 ends=1h
        at 3s alert api prod P1 fp=3 ends=1h
        at 4s alert cache prod P1 fp=4 ends=1h
        at 5s ack ana 3
        at 30s alert db prod P0 fp=1 resolved
        at 31s alert cache prod P1 fp=4 resolved
        until 2m
        next
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    escalation saved version 1 by_hand by ana "chain"
            0s    done chain version 1
            0s    inhibition saved version 1 by_hand by ana "down"
            0s    done down version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    alert 1 fires in #1
            1s    tell ops opened #1 because all to page
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            2s    alert 2 fires in #2
            2s    hold ops opened #2 because all: inhibited by down
            3s    #3 opened new_key by system
            3s    filed #3 new_key signals=1
            3s    alert 3 fires in #3
            3s    hold ops opened #3 because all: inhibited by down
            4s    #4 opened new_key by system
            4s    filed #4 new_key signals=1
            4s    alert 4 fires in #4
            4s    hold ops opened #4 because all: inhibited by down
            5s    #3 OPEN -> INVESTIGATING by_hand by ana
            5s    done #3
            30s   filed #1 open_incident signals=2
            30s   alert over all_resolved
            30s   #1 OPEN -> RESOLVED all_resolved by system
            31s   filed #4 open_incident signals=2
            31s   alert over all_resolved
            31s   #4 OPEN -> RESOLVED all_resolved by system
            31s   tell ops opened #2 because all to page
            1m31s tell ops step 0 round 0 #2 because all to first
                  next 30m30s
        "#]],
    );
}

#[test]
fn what_an_inhibition_kept_quiet_is_told_when_that_is_taken_out_of_force() {
    check(
        "
        at 0s rule ana all on=opened to=page
        at 0s inhibition ana down source.component=db target.component=web
        at 0s silence ana quiet if.component=web from=5s until=1m
        at 1s signal db prod P0
        at 2s signal web prod P1
        at 10s drop ana inhibition down
        until 2m
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    inhibition saved version 1 by_hand by ana "down"
            0s    done down version 1
            0s    silence saved version 1 by_hand by ana "quiet"
            0s    done quiet version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because all to page
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            2s    hold ops opened #2 because all: inhibited by down
            10s   inhibition removed by_hand by ana "down"
            10s   forgot inhibition down
            10s   done down version 1
            12s   hold ops opened #2 because all: silenced by quiet
            1m    tell ops opened #2 because all to page
        "#]],
    );
}

#[test]
fn an_inhibition_that_is_made_while_its_source_fires_sees_it_with_the_next_repeat() {
    check(
        "
        at 0s rule ana all on=opened to=page
        at 1s alert db prod P0 fp=1 ends=1h
        at 2s inhibition ana down source.component=db target.component=web|api
        at 3s alert web prod P1 fp=2 ends=1h
        at 4s alert db prod P0 fp=1 ends=2h
        at 5s alert api prod P1 fp=3 ends=1h
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    alert 1 fires in #1
            1s    tell ops opened #1 because all to page
            2s    inhibition saved version 1 by_hand by ana "down"
            2s    done down version 1
            3s    #2 opened new_key by system
            3s    filed #2 new_key signals=1
            3s    alert 2 fires in #2
            3s    tell ops opened #2 because all to page
            4s    alert 1 renewed until 2h
            4s    skipped alert_repeated
            5s    #3 opened new_key by system
            5s    filed #3 new_key signals=1
            5s    alert 3 fires in #3
            5s    hold ops opened #3 because all: inhibited by down
        "#]],
    );
}

#[test]
fn an_alert_that_was_kept_quiet_is_told_with_the_first_repeat_that_nothing_holds_back() {
    check(
        "
        at 0s rule ana all on=signal,signal_resolved to=page
        at 0s silence ana quiet if.component=db|web|api until=1m
        at 1s alert db prod P1 fp=1 ends=1h
        at 2s alert web prod P1 fp=2 ends=1h
        at 3s alert api prod P1 fp=3 ends=1h
        at 30s alert db prod P1 fp=1 ends=2h
        at 40s alert web prod P1 fp=2 resolved
        at 70s alert db prod P1 fp=1 ends=3h
        at 80s alert db prod P1 fp=1 ends=4h
        at 81s alert web prod P1 fp=2 ends=4h
        at 82s silence ana more if.component=api until=2m
        at 83s alert api prod P1 fp=3 ends=4h
        at 90s alert api prod P1 fp=3 resolved
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    silence saved version 1 by_hand by ana "quiet"
            0s    done quiet version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    alert 1 fires in #1
            1s    hold ops signal signal 3 because all: silenced by quiet
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            2s    alert 2 fires in #2
            2s    hold ops signal signal 4 because all: silenced by quiet
            3s    #3 opened new_key by system
            3s    filed #3 new_key signals=1
            3s    alert 3 fires in #3
            3s    hold ops signal signal 5 because all: silenced by quiet
            30s   alert 1 renewed until 2h
            30s   skipped alert_repeated
            40s   filed #2 open_incident signals=2
            40s   alert over all_resolved
            40s   #2 OPEN -> RESOLVED all_resolved by system
            40s   hold ops signal_resolved signal 7 because all: silenced by quiet
            1m10s alert 1 renewed until 3h
            1m10s skipped alert_repeated
            1m10s tell ops signal signal 3 because all to page
            1m20s alert 1 renewed until 4h
            1m20s skipped alert_repeated
            1m21s filed #2 fired_again signals=3
            1m21s #2 RESOLVED -> OPEN fired_again by system
            1m21s alert 2 fires in #2
            1m21s tell ops signal signal a because all to page
            1m22s silence saved version 1 by_hand by ana "more"
            1m22s done more version 1
            1m23s alert 3 renewed until 4h
            1m23s skipped alert_repeated
            1m30s filed #3 open_incident signals=2
            1m30s alert over all_resolved
            1m30s #3 OPEN -> RESOLVED all_resolved by system
            1m30s hold ops signal_resolved signal d because all: silenced by more
        "#]],
    );
}
