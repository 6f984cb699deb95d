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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
    );
}

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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
    );
}
