//! Timelines across changes of the clocks: what the wall says, who is on call, for how long.

use expect_test::{Expect, expect};
use jiff::civil::DateTime;

use crate::instants::zone;
use crate::written::{schedule, shown};

/// Shows the shifts between two local times of the schedule's zone.
fn check(text: &str, from: &str, until: &str, expected: Expect) {
    let schedule = schedule(text);
    let name = text.split_whitespace().nth(1).expect("a zone comes first");
    let instant = |text: &str| {
        let local: DateTime = text.parse().expect("a local time");
        zone(name).to_timestamp(local).expect("an instant")
    };
    let shifts = schedule.shifts(instant(from), instant(until)).expect("shifts");
    expected.assert_eq(&shown(&schedule, name, &shifts));
}

#[test]
fn berlin_hands_over_at_the_same_local_time_when_an_hour_is_left_out() {
    check(
        "zone Europe/Berlin
         layer days: a b every 1d from 2026-03-27T09:00",
        "2026-03-27T00:00",
        "2026-03-31T00:00",
        expect![[r#"
            Fri 2026-03-27 09:00 +01:00 a (days) 24h
            Sat 2026-03-28 09:00 +01:00 b (days) 23h
            Sun 2026-03-29 09:00 +02:00 a (days) 24h
            Mon 2026-03-30 09:00 +02:00 b (days) 15h
        "#]],
    );
}

#[test]
fn berlin_hands_over_at_the_same_local_time_when_an_hour_comes_twice() {
    check(
        "zone Europe/Berlin
         layer weeks: a b every 1w from 2026-10-19T09:00",
        "2026-10-19T00:00",
        "2026-11-09T00:00",
        expect![[r#"
            Mon 2026-10-19 09:00 +02:00 a (weeks) 169h
            Mon 2026-10-26 09:00 +01:00 b (weeks) 168h
            Mon 2026-11-02 09:00 +01:00 a (weeks) 159h
        "#]],
    );
}

#[test]
fn a_hand_over_in_the_gap_is_when_the_gap_ends() {
    check(
        "zone Europe/Berlin
         layer nights: a b every 1d from 2026-03-27T02:30",
        "2026-03-27T00:00",
        "2026-03-31T00:00",
        expect![[r#"
            Fri 2026-03-27 02:30 +01:00 a (nights) 24h
            Sat 2026-03-28 02:30 +01:00 b (nights) 23h30
            Sun 2026-03-29 03:00 +02:00 a (nights) 23h30
            Mon 2026-03-30 02:30 +02:00 b (nights) 21h30
        "#]],
    );
}

#[test]
fn a_hand_over_in_the_hour_that_comes_twice_is_at_the_first() {
    check(
        "zone America/New_York
         layer nights: a b every 1d from 2026-10-31T01:30",
        "2026-10-31T00:00",
        "2026-11-03T00:00",
        expect![[r#"
            Sat 2026-10-31 01:30 -04:00 a (nights) 24h
            Sun 2026-11-01 01:30 -04:00 b (nights) 25h
            Mon 2026-11-02 01:30 -05:00 a (nights) 22h30
        "#]],
    );
}

#[test]
fn hours_are_counted_by_a_stopwatch() {
    check(
        "zone America/New_York
         layer halves: a b every 12h from 2026-03-07T08:00",
        "2026-03-07T00:00",
        "2026-03-10T00:00",
        expect![[r#"
            Sat 2026-03-07 08:00 -05:00 a (halves) 12h
            Sat 2026-03-07 20:00 -05:00 b (halves) 12h
            Sun 2026-03-08 09:00 -04:00 a (halves) 12h
            Sun 2026-03-08 21:00 -04:00 b (halves) 12h
            Mon 2026-03-09 09:00 -04:00 a (halves) 12h
            Mon 2026-03-09 21:00 -04:00 b (halves) 3h
        "#]],
    );
}

#[test]
fn new_york_keeps_the_local_time_over_both_changes() {
    check(
        "zone America/New_York
         layer weeks: a b every 20w from 2026-03-04T17:00",
        "2026-03-01T00:00",
        "2027-03-20T00:00",
        expect![[r#"
            Wed 2026-03-04 17:00 -05:00 a (weeks) 3359h
            Wed 2026-07-22 17:00 -04:00 b (weeks) 3361h
            Wed 2026-12-09 17:00 -05:00 a (weeks) 2406h
        "#]],
    );
}

#[test]
fn lord_howe_changes_by_half_an_hour() {
    check(
        "zone Australia/Lord_Howe
         layer days: a b every 1d from 2026-04-03T01:45",
        "2026-04-03T00:00",
        "2026-04-07T00:00",
        expect![[r#"
            Fri 2026-04-03 01:45 +11:00 a (days) 24h
            Sat 2026-04-04 01:45 +11:00 b (days) 24h
            Sun 2026-04-05 01:45 +11:00 a (days) 24h30
            Mon 2026-04-06 01:45 +10:30 b (days) 22h15
        "#]],
    );
    check(
        "zone Australia/Lord_Howe
         layer days: a b every 1d from 2026-10-02T02:15",
        "2026-10-02T00:00",
        "2026-10-06T00:00",
        expect![[r#"
            Fri 2026-10-02 02:15 +10:30 a (days) 24h
            Sat 2026-10-03 02:15 +10:30 b (days) 23h45
            Sun 2026-10-04 02:30 +11:00 a (days) 23h45
            Mon 2026-10-05 02:15 +11:00 b (days) 21h45
        "#]],
    );
}

#[test]
fn kathmandu_is_five_hours_and_three_quarters_ahead() {
    check(
        "zone Asia/Kathmandu
         layer days: a b every 1d from 2026-03-28T10:00
         only sun 10:15-18:00
         only mon 22:00-06:00",
        "2026-03-28T00:00",
        "2026-04-01T00:00",
        expect![[r#"
            Sun 2026-03-29 10:15 +05:45 b (days) 7h45
            Sun 2026-03-29 18:00 +05:45 - 28h
            Mon 2026-03-30 22:00 +05:45 a (days) 8h
        "#]],
    );
}

#[test]
fn apia_never_had_the_30th_of_december_2011() {
    check(
        "zone Pacific/Apia
         layer days: a b c every 1d from 2011-12-28T09:00",
        "2011-12-28T00:00",
        "2012-01-02T00:00",
        expect![[r#"
            Wed 2011-12-28 09:00 -10:00 a (days) 24h
            Thu 2011-12-29 09:00 -10:00 b (days) 15h
            Sat 2011-12-31 00:00 +14:00 c (days) 9h
            Sat 2011-12-31 09:00 +14:00 a (days) 24h
            Sun 2012-01-01 09:00 +14:00 b (days) 15h
        "#]],
    );
    check(
        "zone Pacific/Apia
         layer midnights: a b c every 1d from 2011-12-28T00:00
         only thu,fri,sat 22:00-06:00",
        "2011-12-28T00:00",
        "2012-01-02T00:00",
        expect![[r#"
            Thu 2011-12-29 22:00 -10:00 b (midnights) 2h
            Sat 2011-12-31 00:00 +14:00 a (midnights) 6h
            Sat 2011-12-31 06:00 +14:00 - 16h
            Sat 2011-12-31 22:00 +14:00 a (midnights) 2h
            Sun 2012-01-01 00:00 +14:00 b (midnights) 6h
        "#]],
    );
}

#[test]
fn clocks_put_back_over_midnight_do_not_undo_a_hand_over() {
    check(
        "zone America/St_Johns
         layer days: a b every 1d from 2006-10-28T00:00",
        "2006-10-28T00:00",
        "2006-10-31T00:00",
        expect![[r#"
            Sat 2006-10-28 00:00 -02:30 a (days) 24h
            Sun 2006-10-29 00:00 -02:30 b (days) 25h
            Mon 2006-10-30 00:00 -03:30 a (days) 24h
        "#]],
    );
}

#[test]
fn a_hand_over_may_be_at_another_time_than_the_start() {
    check(
        "zone Europe/Berlin
         layer days: a b every 1d from 2026-06-01T14:00 over 09:00",
        "2026-06-01T00:00",
        "2026-06-04T00:00",
        expect![[r#"
            Mon 2026-06-01 14:00 +02:00 a (days) 19h
            Tue 2026-06-02 09:00 +02:00 b (days) 24h
            Wed 2026-06-03 09:00 +02:00 a (days) 15h
        "#]],
    );
}

#[test]
fn a_later_layer_beats_an_earlier_one_while_it_is_in_force() {
    check(
        "zone Europe/Berlin
         layer always: a every 1w from 2026-06-01T00:00
         layer office: b c every 1d from 2026-06-02T09:00
         only mon,tue,wed,thu,fri 09:00-17:00",
        "2026-06-01T00:00",
        "2026-06-08T00:00",
        expect![[r#"
            Mon 2026-06-01 00:00 +02:00 a (always) 33h
            Tue 2026-06-02 09:00 +02:00 b (office) 8h
            Tue 2026-06-02 17:00 +02:00 a (always) 16h
            Wed 2026-06-03 09:00 +02:00 c (office) 8h
            Wed 2026-06-03 17:00 +02:00 a (always) 16h
            Thu 2026-06-04 09:00 +02:00 b (office) 8h
            Thu 2026-06-04 17:00 +02:00 a (always) 16h
            Fri 2026-06-05 09:00 +02:00 c (office) 8h
            Fri 2026-06-05 17:00 +02:00 a (always) 55h
        "#]],
    );
}

#[test]
fn a_restriction_spans_midnight_and_may_end_with_the_day() {
    check(
        "zone Europe/Berlin
         layer nights: a b every 1d from 2026-03-28T12:00
         only sat 22:00-02:30
         only sun 08:00-24:00",
        "2026-03-28T00:00",
        "2026-03-31T00:00",
        expect![[r#"
            Sat 2026-03-28 22:00 +01:00 a (nights) 4h
            Sun 2026-03-29 03:00 +02:00 - 5h
            Sun 2026-03-29 08:00 +02:00 a (nights) 4h
            Sun 2026-03-29 12:00 +02:00 b (nights) 12h
        "#]],
    );
}

#[test]
fn overrides_beat_all_layers_and_the_last_in_the_list_beats_the_others() {
    check(
        "zone Europe/Berlin
         layer days: a b every 1d from 2026-06-01T09:00
         override c 2026-06-01T12:00 2026-06-01T20:00
         override d 2026-06-01T16:00:00Z 2026-06-01T17:00:00Z
         override e 2026-06-01T11:30:00+02:00 2026-06-01T12:30",
        "2026-06-01T00:00",
        "2026-06-03T00:00",
        expect![[r#"
            Mon 2026-06-01 09:00 +02:00 a (days) 2h30
            Mon 2026-06-01 11:30 +02:00 e (override 2) 1h
            Mon 2026-06-01 12:30 +02:00 c (override 0) 5h30
            Mon 2026-06-01 18:00 +02:00 d (override 1) 1h
            Mon 2026-06-01 19:00 +02:00 c (override 0) 1h
            Mon 2026-06-01 20:00 +02:00 a (days) 13h
            Tue 2026-06-02 09:00 +02:00 b (days) 15h
        "#]],
    );
}

#[test]
fn one_person_alone_has_one_shift() {
    check(
        "zone Europe/Berlin
         layer days: a every 1d from 2026-06-01T09:00",
        "2026-06-01T00:00",
        "2026-06-30T00:00",
        expect![[r#"
            Mon 2026-06-01 09:00 +02:00 a (days) 687h
        "#]],
    );
}

#[test]
fn nobody_is_on_call_before_the_first_turn() {
    check(
        "zone Europe/Berlin
         layer days: a every 1d from 2026-06-01T09:00",
        "2026-05-01T00:00",
        "2026-06-01T09:00",
        expect![[r#""#]],
    );
}
