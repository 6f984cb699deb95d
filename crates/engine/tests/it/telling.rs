//! Who is told what: timelines.

use expect_test::expect;

use crate::timeline::check;

#[test]
fn a_rule_hears_of_every_step_of_an_incident() {
    check(
        "
        at 0s rule ana all on=opened,escalated,acknowledged,resolved,reopened,closed to=page
        at 1s signal db prod P2
        at 2s signal db prod P1
        at 3s ack ana 1
        at 4s resolve ana 1
        at 5s reopen ana 1 again
        at 6s ack ana 1
        at 7s resolve ana 1
        at 8s rca ana 1
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because all to page
            2s    filed #1 open_incident signals=2
            2s    #1 P2 -> P1 severity_rose by system
            2s    tell ops escalated #1 because all to page
            3s    #1 OPEN -> INVESTIGATING by_hand by ana
            3s    done #1
            3s    tell ops acknowledged #1 because all to page
            4s    #1 INVESTIGATING -> RESOLVED by_hand by ana
            4s    done #1
            4s    tell ops resolved #1 because all to page
            5s    #1 RESOLVED -> OPEN by_hand by ana "again"
            5s    done #1
            5s    tell ops reopened #1 because all to page
            6s    #1 OPEN -> INVESTIGATING by_hand by ana
            6s    done #1
            6s    tell ops acknowledged #1 because all to page
            7s    #1 INVESTIGATING -> RESOLVED by_hand by ana
            7s    done #1
            7s    tell ops resolved #1 because all to page
            8s    #1 RESOLVED -> CLOSED rca_complete by ana
            8s    rca of #1 by ana from 1s to 8s
            8s    done #1
            8s    tell ops closed #1 because all to page
        "#]],
    );
}

#[test]
fn one_notification_for_a_subscriber_lists_every_rule_and_every_endpoint_once() {
    check(
        "
        at 0s rule ana r2 of=team on=opened to=mail,page if.component=db
        at 0s rule ana r1 of=team on=opened to=page if.severity=>=P1
        at 0s rule ana r3 of=boss on=opened to=boss
        at 0s rule ana r4 of=team on=opened to=never if.component=web
        at 0s rule ana r5 of=team on=opened to=never disabled
        at 1s signal db prod P0
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "r2"
            0s    done r2 version 1
            0s    rule saved version 1 by_hand by ana "r1"
            0s    done r1 version 1
            0s    rule saved version 1 by_hand by ana "r3"
            0s    done r3 version 1
            0s    rule saved version 1 by_hand by ana "r4"
            0s    done r4 version 1
            0s    rule saved version 1 by_hand by ana "r5"
            0s    done r5 version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell boss opened #1 because r3 to boss
            1s    tell team opened #1 because r1,r2 to mail,page
        "#]],
    );
}

#[test]
fn a_rule_is_in_force_for_the_next_record_and_no_longer_after_it_is_dropped() {
    check(
        "
        at 0s signal a prod P1
        at 0s rule ana r on=opened to=page
        at 0s signal b prod P1
        at 0s rule ana r version=1 on=opened to=other
        at 0s signal c prod P1
        at 0s rule ana r version=1 on=opened to=late
        at 0s drop ana rule r version=2
        at 0s signal d prod P1
        ",
        expect![[r#"
            0s    #1 opened new_key by system
            0s    filed #1 new_key signals=1
            0s    rule saved version 1 by_hand by ana "r"
            0s    done r version 1
            0s    #2 opened new_key by system
            0s    filed #2 new_key signals=1
            0s    tell ops opened #2 because r to page
            0s    rule saved version 2 by_hand by ana "r"
            0s    done r version 2
            0s    #3 opened new_key by system
            0s    filed #3 new_key signals=1
            0s    tell ops opened #3 because r to other
            0s    refused: stale, current version 2
            0s    rule removed by_hand by ana "r"
            0s    forgot rule r
            0s    done r version 2
            0s    #4 opened new_key by system
            0s    filed #4 new_key signals=1
        "#]],
    );
}

#[test]
fn signals_are_told_once_each_and_repeated_alerts_not_at_all() {
    check(
        "
        at 0s rule ana all on=signal,signal_resolved to=page
        at 1s signal db prod P2 id=x
        at 2s signal db prod P2 id=x
        at 3s alert web prod P1 fp=7
        at 4s alert web prod P1 fp=7
        at 5s alert web prod P1 fp=7 resolved
        at 6s alert web prod P1 fp=7 resolved
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops signal signal d3c1 because all to page
            2s    skipped duplicate_id
            3s    #2 opened new_key by system
            3s    filed #2 new_key signals=1
            3s    alert 7 fires in #2
            3s    tell ops signal signal 4 because all to page
            4s    alert 7 renewed until 5m3s
            4s    skipped alert_repeated
            5s    filed #2 open_incident signals=2
            5s    alert over all_resolved
            5s    #2 OPEN -> RESOLVED all_resolved by system
            5s    tell ops signal_resolved signal 6 because all to page
            6s    skipped alert_repeated
        "#]],
    );
}

#[test]
fn an_incident_is_held_against_the_signal_that_opened_it_however_it_moves() {
    check(
        "
        at 0s rule ana eu on=opened,escalated,resolved to=page if.labels.region=eu
        at 0s rule ana us on=opened,escalated,resolved to=never if.labels.region=us
        at 1s signal db prod P2 labels.region=eu
        at 2s signal db prod P1 labels.region=us
        at 3s ack ana 1
        at 4s resolve ana 1
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "eu"
            0s    done eu version 1
            0s    rule saved version 1 by_hand by ana "us"
            0s    done us version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because eu to page
            2s    filed #1 open_incident signals=2
            2s    #1 P2 -> P1 severity_rose by system
            2s    tell ops escalated #1 because eu to page
            3s    #1 OPEN -> INVESTIGATING by_hand by ana
            3s    done #1
            4s    #1 INVESTIGATING -> RESOLVED by_hand by ana
            4s    done #1
            4s    tell ops resolved #1 because eu to page
        "#]],
    );
}

#[test]
fn nobody_acknowledges_and_each_span_is_told_once() {
    check(
        "
        at 0s rule ana soon on=unacknowledged_for(5m) to=page
        at 0s rule ana late on=unacknowledged_for(10m),unacknowledged_for(5m) to=boss of=boss
        at 0s rule ana only of=x on=opened to=x if.component=never
        at 1s signal db prod P1
        until 7m
        at 8m signal web prod P1
        at 9m ack ana 2
        until 1h
        next
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "soon"
            0s    done soon version 1
            0s    rule saved version 1 by_hand by ana "late"
            0s    done late version 1
            0s    rule saved version 1 by_hand by ana "only"
            0s    done only version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            5m1s  tell ops unacknowledged_for(300s) #1 because soon to page
            5m1s  tell boss unacknowledged_for(300s) #1 because late to boss
            8m    #2 opened new_key by system
            8m    filed #2 new_key signals=1
            9m    #2 OPEN -> INVESTIGATING by_hand by ana
            9m    done #2
            10m1s tell boss unacknowledged_for(600s) #1 because late to boss
                  next -
        "#]],
    );
}

#[test]
fn an_escalation_goes_on_until_somebody_takes_the_incident_up() {
    check(
        "
        at 0s escalation ana chain steps=0s:first,5m:second+boss repeat=1
        at 0s rule ana r on=opened escalation=chain
        at 1s signal db prod P1
        until 6m
        at 7m ack ana 1
        until 1h
        at 2h signal web prod P1
        until 4h
        next
        ",
        expect![[r#"
            0s    escalation saved version 1 by_hand by ana "chain"
            0s    done chain version 1
            0s    rule saved version 1 by_hand by ana "r"
            0s    done r version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops step 0 round 0 #1 because r to first
            5m1s  tell ops step 1 round 0 #1 because r to boss,second
            7m    #1 OPEN -> INVESTIGATING by_hand by ana
            7m    done #1
            2h    #2 opened new_key by system
            2h    filed #2 new_key signals=1
            2h    tell ops step 0 round 0 #2 because r to first
            2h5m  tell ops step 1 round 0 #2 because r to boss,second
            2h6m  tell ops step 0 round 1 #2 because r to first
            2h11m tell ops step 1 round 1 #2 because r to boss,second
                  next -
        "#]],
    );
}

#[test]
fn an_escalation_that_is_dropped_or_held_back_tells_nobody_more() {
    check(
        "
        at 0s escalation ana chain steps=1m:first,1m:second
        at 0s rule ana r on=opened escalation=chain to=page
        at 1s signal db prod P1
        until 90s
        at 91s silence ana quiet if.component=db until=5m
        until 2m30s
        at 3m drop ana escalation chain
        until 1h
        ",
        expect![[r#"
            0s    escalation saved version 1 by_hand by ana "chain"
            0s    done chain version 1
            0s    rule saved version 1 by_hand by ana "r"
            0s    done r version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because r to page
            1m1s  tell ops step 0 round 0 #1 because r to first
            1m31s silence saved version 1 by_hand by ana "quiet"
            1m31s done quiet version 1
            2m1s  hold ops step 1 round 0 #1 because r: silenced by quiet
            3m    escalation removed by_hand by ana "chain"
            3m    forgot escalation chain
            3m    done chain version 1
        "#]],
    );
}

#[test]
fn merged_children_are_not_told_of_and_what_was_split_off_is() {
    check(
        "
        at 0s rule ana all on=opened,acknowledged,resolved,closed to=page
        at 1s signal db prod P1
        at 2s signal web prod P1
        at 3s merge ana 1 2
        at 4s signal db prod P1
        at 5s split ana 1 2
        at 6s ack ana 1
        at 7s resolve ana 1
        at 8s rca ana 1
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because all to page
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            2s    tell ops opened #2 because all to page
            3s    #2 merged into #1 merged by ana
            3s    #1 merged into #1 merged by ana "incident #2 was merged into this one"
            3s    done #1
            4s    filed #1 open_incident signals=2
            5s    #3 opened split by ana
            5s    #1 split 1 with #3 split by ana
            5s    #3 split 1 with #1 split by ana
            5s    moved signal 2 from #1 to #3
            5s    done #3
            5s    tell ops opened #3 because all to page
            6s    #1 OPEN -> INVESTIGATING by_hand by ana
            6s    #2 OPEN -> INVESTIGATING follows_parent by ana
            6s    done #1
            6s    tell ops acknowledged #1 because all to page
            7s    #1 INVESTIGATING -> RESOLVED by_hand by ana
            7s    #2 INVESTIGATING -> RESOLVED follows_parent by ana
            7s    done #1
            7s    tell ops resolved #1 because all to page
            8s    #1 RESOLVED -> CLOSED rca_complete by ana
            8s    #2 RESOLVED -> CLOSED follows_parent by ana
            8s    rca of #1 by ana from 1s to 8s
            8s    done #1
            8s    tell ops closed #1 because all to page
        "#]],
    );
}

#[test]
fn directives_have_versions_and_refuse_what_they_must() {
    check(
        "
        at 0s rule ana r on=opened to=page
        at 0s rule ana r on=opened to=page
        at 0s rule ana r version=3 on=opened to=page
        at 0s rule ana q version=1 on=opened to=page
        at 0s rule ana bad on=opened to=page if.component=/(/
        at 0s rule ana nobody on=opened
        at 0s drop ana rule q
        at 0s drop ana rule r version=9
        at 0s escalation ana none steps=0s:a repeat=1000
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "r"
            0s    done r version 1
            0s    refused: stale, current version 1
            0s    refused: stale, current version 1
            0s    refused: not found
            0s    refused: directive invalid: match[0].value
            0s    refused: directive invalid: targets
            0s    refused: not found
            0s    refused: stale, current version 1
            0s    refused: directive invalid: repeat
        "#]],
    );
}

#[test]
fn rules_are_a_projects_own() {
    check(
        "
        at 0s in 2 rule ana r on=opened,signal to=page
        at 1s signal db prod P1
        at 2s in 2 signal db prod P1
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "r"
            0s    done r version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            2s    2#1 opened new_key by system
            2s    filed 2#1 new_key signals=1
            2s    tell ops signal signal 3 because r to page
            2s    tell ops opened 2#1 because r to page
        "#]],
    );
}

#[test]
fn default_routes_are_in_force_only_while_the_project_has_no_rule() {
    check(
        "
        at 0s default_route ana worst on=opened,resolved to=page if.severity=P0
        at 0s default_route ana rest on=opened,resolved to=chat if.severity=P1|P2
        at 1s signal db prod P0
        at 2s signal web prod P2
        at 3s signal cache prod P3
        at 4s rule ana mine on=opened to=mail disabled
        at 5s signal queue prod P0
        at 6s ack ana 1
        at 6s resolve ana 1
        at 7s drop ana rule mine
        at 8s ack ana 2
        at 8s resolve ana 2
        ",
        expect![[r#"
            0s    default_route saved version 1 by_hand by ana "worst"
            0s    done worst version 1
            0s    default_route saved version 1 by_hand by ana "rest"
            0s    done rest version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because worst to page
            2s    #2 opened new_key by system
            2s    filed #2 new_key signals=1
            2s    tell ops opened #2 because rest to chat
            3s    #3 opened new_key by system
            3s    filed #3 new_key signals=1
            4s    rule saved version 1 by_hand by ana "mine"
            4s    done mine version 1
            5s    #4 opened new_key by system
            5s    filed #4 new_key signals=1
            6s    #1 OPEN -> INVESTIGATING by_hand by ana
            6s    done #1
            6s    #1 INVESTIGATING -> RESOLVED by_hand by ana
            6s    done #1
            7s    rule removed by_hand by ana "mine"
            7s    forgot rule mine
            7s    done mine version 1
            8s    #2 OPEN -> INVESTIGATING by_hand by ana
            8s    done #2
            8s    #2 INVESTIGATING -> RESOLVED by_hand by ana
            8s    done #2
            8s    tell ops resolved #2 because rest to chat
        "#]],
    );
}

#[test]
fn that_the_system_finds_an_incident_quiet_is_nobodys_answer() {
    check(
        "
        at 0s policy ana q auto_lifecycle quiet=30s match.component=queue
        at 0s rule ana all on=opened,unacknowledged_for(40s) to=page escalation=chain
        at 0s escalation ana chain steps=0s:first,1m:second repeat=2
        at 1s signal queue prod P0
        at 10s signal queue staging P0
        at 50s assign ana 2 ana
        until 10m
        ",
        expect![[r#"
            0s    policy saved version 1 by_hand by ana "q"
            0s    done policy version 1
            0s    rule saved version 1 by_hand by ana "all"
            0s    done all version 1
            0s    escalation saved version 1 by_hand by ana "chain"
            0s    done chain version 1
            1s    #1 opened new_key by system
            1s    filed #1 new_key signals=1
            1s    tell ops opened #1 because all to page
            10s   #2 opened new_key by system
            10s   filed #2 new_key signals=1
            10s   tell ops opened #2 because all to page
            50s   #2 assigned to ana by_hand by ana
            50s   done #2
            50s   #1 OPEN -> INVESTIGATING quiet by system
            50s   #2 OPEN -> INVESTIGATING quiet by system
            50s   tell ops step 0 round 0 #1 because all to first
            50s   tell ops step 0 round 0 #2 because all to first
            50s   tell ops unacknowledged_for(40s) #1 because all to page
            1m50s tell ops step 1 round 0 #1 because all to second
            2m50s #1 INVESTIGATING -> RESOLVED quiet_window by system
            2m50s #2 INVESTIGATING -> RESOLVED quiet_window by system
        "#]],
    );
}

#[test]
fn what_expressions_may_cost_all_together_is_bounded_for_each_project() {
    check(
        "
        at 0s rule ana a on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'a'))\"
        at 0s rule ana b on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'b'))\"
        at 0s rule ana c on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'c'))\"
        at 0s rule ana also_c on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'c'))\"
        at 0s rule ana d on=opened to=page cel=\"severity == 'P1'\"
        at 1s rule ana e on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'd'))\"
        at 1s rule ana d version=1 on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'd'))\"
        at 1s rule ana e on=opened to=page disabled cel=\"labels.exists(x, labels.exists(y, x < y + 'd'))\"
        at 1s rule ana e version=1 on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'd'))\"
        at 1s in 2 rule ana e on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'd'))\"
        at 2s signal db prod P1
        at 3s drop ana rule c
        at 3s rule ana e version=1 on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'd'))\"
        at 3s drop ana rule also_c
        at 3s rule ana e version=1 on=opened to=page cel=\"labels.exists(x, labels.exists(y, x < y + 'd'))\"
        ",
        expect![[r#"
            0s    rule saved version 1 by_hand by ana "a"
            0s    done a version 1
            0s    rule saved version 1 by_hand by ana "b"
            0s    done b version 1
            0s    rule saved version 1 by_hand by ana "c"
            0s    done c version 1
            0s    rule saved version 1 by_hand by ana "also_c"
            0s    done also_c version 1
            0s    rule saved version 1 by_hand by ana "d"
            0s    done d version 1
            1s    limit directive_limit
            1s    refused: directive invalid: cel
            1s    limit directive_limit
            1s    refused: directive invalid: cel
            1s    rule saved version 1 by_hand by ana "e"
            1s    done e version 1
            1s    limit directive_limit
            1s    refused: directive invalid: cel
            1s    rule saved version 1 by_hand by ana "e"
            1s    done e version 1
            2s    #1 opened new_key by system
            2s    filed #1 new_key signals=1
            2s    tell ops opened #1 because d to page
            3s    rule removed by_hand by ana "c"
            3s    forgot rule c
            3s    done c version 1
            3s    limit directive_limit
            3s    refused: directive invalid: cel
            3s    rule removed by_hand by ana "also_c"
            3s    forgot rule also_c
            3s    done also_c version 1
            3s    rule saved version 2 by_hand by ana "e"
            3s    done e version 2
        "#]],
    );
}
