//! Schedules as tests write them, and shifts as tests read them: lines of text.

use jiff::Timestamp;
use oncall::{
    LayerDocument, Origin, OverrideDocument, RestrictionDocument, RotationDocument, Schedule,
    ScheduleDocument, Shift,
};

use crate::instants::{letter, person, zone};

/// Reads lines: `zone Z`, `layer NAME: a b every 1d from START [over HH:MM]`, `only [mon,tue] 09:00-17:00`
/// for the layer before it, `override a START END`.
pub(crate) fn document(text: &str) -> ScheduleDocument {
    let mut document =
        ScheduleDocument { name: "Platform".to_owned(), ..ScheduleDocument::default() };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["zone", name] => document.time_zone = name.to_owned(),
            ["layer", name, ref rest @ ..] => {
                document.layers.push(layer(name.trim_end_matches(':'), rest))
            }
            ["only", ref days @ .., times] => {
                let days =
                    days.iter().flat_map(|days| days.split(',')).map(str::to_owned).collect();
                let (from, to) = times.split_once('-').expect("from-to");
                let one = RestrictionDocument { days, from: from.to_owned(), to: to.to_owned() };
                document.layers.last_mut().expect("a layer").restrictions.push(one);
            }
            ["override", who, start, end] => document.overrides.push(OverrideDocument {
                person: person(who).to_string(),
                start: start.to_owned(),
                end: end.to_owned(),
            }),
            _ => panic!("not understood: {line}"),
        }
    }
    document
}

fn layer(name: &str, words: &[&str]) -> LayerDocument {
    let every = words.iter().position(|word| *word == "every").expect("every");
    let after = |word: &str| {
        let position = words.iter().position(|found| *found == word);
        position.map(|position| words[position + 1].to_owned())
    };
    LayerDocument {
        name: name.to_owned(),
        people: words[..every].iter().map(|who| person(who).to_string()).collect(),
        rotation: RotationDocument { every: words[every + 1].to_owned() },
        start: after("from").expect("from"),
        hand_over: after("over"),
        restrictions: Vec::new(),
    }
}

/// The schedule of such lines.
pub(crate) fn schedule(text: &str) -> Schedule {
    Schedule::new(&document(text)).expect("a good schedule")
}

/// Shifts, one a line: local start, who, how long, by what; a line of `-` where nobody is on call.
pub(crate) fn shown(schedule: &Schedule, zone_name: &str, shifts: &[Shift]) -> String {
    let zone = zone(zone_name);
    let mut result = String::new();
    let mut previous: Option<Timestamp> = None;
    let mut line = |start: Timestamp, end: Timestamp, who: &str| {
        let start_local =
            start.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string();
        let minutes = end.duration_since(start).as_secs() / 60;
        let lasts = if minutes % 60 == 0 {
            format!("{}h", minutes / 60)
        } else {
            format!("{}h{:02}", minutes / 60, minutes % 60)
        };
        result.push_str(&format!("{} {who} {lasts}\n", start_local.replace(":00 ", " ")));
    };
    for shift in shifts {
        if let Some(end) = previous.filter(|end| *end < shift.start) {
            line(end, shift.start, "-");
        }
        let by = match shift.origin {
            Origin::Layer(index) => schedule.layer_name(index).expect("a layer").to_owned(),
            Origin::Override(index) => format!("override {index}"),
        };
        line(shift.start, shift.end, &format!("{} ({by})", letter(shift.person)));
        previous = Some(shift.end);
    }
    result
}
