//! Globs: `*` is any text, `?` any one character, everything else itself, from end to end.
//!
//! What stands between two `*` is looked for from left to right and where it is found first: no later place
//! could be better, so nothing is looked at twice. A part that holds `?` is looked for with a bit for each of
//! its characters (shift-and), 64 to a word.
//!
//! Refuses to know where a text comes from. Invariant: the work is linear in the text; where there is a `?`
//! between two `*`, times the words of that part.

/// Bits of a word.
const WORD: usize = u64::BITS as usize;
/// Words that are kept without an allocation: as many as a value of a condition can fill.
const FEW_WORDS: usize = model::limits::CONDITION_VALUE_BYTES / WORD;

/// A compiled glob.
#[derive(Debug, Clone)]
pub struct Glob {
    pattern: Box<str>,
    /// What the text begins with.
    beginning: Part,
    /// What comes then, in this order, with any text before and behind each.
    between: Box<[Sought]>,
    /// What it ends with; `None` where the beginning is all.
    end: Option<Part>,
}

/// What stands at an end of the text.
#[derive(Debug, Clone)]
struct Part {
    text: Box<str>,
    /// Whether there is a `?` in it.
    wild: bool,
}

/// What stands somewhere in the text.
#[derive(Debug, Clone)]
enum Sought {
    Text(Box<str>),
    Wild(Box<Wild>),
}

/// A part that holds `?`: for each character, the places where it may stand.
#[derive(Debug, Clone)]
struct Wild {
    /// Where any other may stand.
    any: Box<[u64]>,
    /// Where these may stand, those of `any` included; by character.
    named: Box<[(char, Box<[u64]>)]>,
    /// The last place, in the last word.
    last: u64,
}

impl Glob {
    /// Compiles a glob; every text is one.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        let mut parts = pattern.split('*');
        let beginning = Part::new(parts.next().unwrap_or_default());
        let end = parts.next_back().map(Part::new);
        let between = parts.filter(|part| !part.is_empty()).map(Sought::new).collect();
        Self { pattern: pattern.into(), beginning, between, end }
    }

    /// What was compiled.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether it fits all of a text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.search(text, |_| {})
    }

    /// How much work [`Self::matches`] is on this text: bytes and words that are looked at, at most.
    #[must_use]
    pub fn work(&self, text: &str) -> u64 {
        let mut work = 0;
        self.search(text, |more| work += more as u64);
        work
    }

    #[inline]
    fn search(&self, text: &str, mut count: impl FnMut(usize)) -> bool {
        count(self.beginning.text.len().min(text.len()));
        let Some(mut rest) = self.beginning.strip_from_beginning(text) else { return false };
        let Some(end) = &self.end else { return rest.is_empty() };
        count(end.text.len().min(rest.len()));
        match end.strip_from_end(rest) {
            Some(before) => rest = before,
            None => return false,
        }
        for sought in &self.between {
            let found = sought.end_in(rest);
            count(found.unwrap_or(rest.len()) * sought.words());
            match found {
                Some(end) => rest = &rest[end..],
                None => return false,
            }
        }
        true
    }
}

impl Part {
    fn new(text: &str) -> Self {
        Self { text: text.into(), wild: text.contains('?') }
    }

    fn strip_from_beginning<'t>(&self, text: &'t str) -> Option<&'t str> {
        if !self.wild {
            return text.strip_prefix(&*self.text);
        }
        let mut rest = text.chars();
        let fits = self.text.chars().all(|wanted| rest.next().is_some_and(|it| fits(wanted, it)));
        fits.then_some(rest.as_str())
    }

    fn strip_from_end<'t>(&self, text: &'t str) -> Option<&'t str> {
        if !self.wild {
            return text.strip_suffix(&*self.text);
        }
        let mut rest = text.chars();
        let mut wanted = self.text.chars().rev();
        let fits = wanted.all(|wanted| rest.next_back().is_some_and(|it| fits(wanted, it)));
        fits.then_some(rest.as_str())
    }
}

fn fits(wanted: char, character: char) -> bool {
    wanted == '?' || wanted == character
}

impl Sought {
    fn new(part: &str) -> Self {
        if part.contains('?') {
            Self::Wild(Box::new(Wild::new(part)))
        } else {
            Self::Text(part.into())
        }
    }

    /// Where the first place at which it stands ends.
    fn end_in(&self, text: &str) -> Option<usize> {
        match self {
            Self::Text(part) => text.find(&**part).map(|at| at + part.len()),
            Self::Wild(wild) => wild.end_in(text),
        }
    }

    fn words(&self) -> usize {
        match self {
            Self::Text(_) => 1,
            Self::Wild(wild) => wild.any.len(),
        }
    }
}

impl Wild {
    fn new(part: &str) -> Self {
        let length = part.chars().count();
        let set = |bits: &mut [u64], place: usize| bits[place / WORD] |= 1 << (place % WORD);
        let mut any = vec![0; length.div_ceil(WORD)];
        let places = || part.chars().enumerate();
        places().filter(|(_, wanted)| *wanted == '?').for_each(|(place, _)| set(&mut any, place));
        let mut characters: Vec<char> = part.chars().filter(|wanted| *wanted != '?').collect();
        characters.sort_unstable();
        characters.dedup();
        let named = characters.into_iter().map(|character| {
            let mut bits = any.clone();
            let own = places().filter(|(_, wanted)| *wanted == character);
            own.for_each(|(place, _)| set(&mut bits, place));
            (character, bits.into_boxed_slice())
        });
        let named = named.collect();
        Self { any: any.into(), named, last: 1 << ((length - 1) % WORD) }
    }

    fn end_in(&self, text: &str) -> Option<usize> {
        let (mut few, mut many) = ([0; FEW_WORDS], Vec::new());
        let begun = match few.get_mut(..self.any.len()) {
            Some(few) => few,
            None => {
                many.resize(self.any.len(), 0);
                many.as_mut_slice()
            }
        };
        for (at, character) in text.char_indices() {
            let mut next = 1;
            for (word, may) in begun.iter_mut().zip(self.places(character)) {
                let carried = *word >> (WORD - 1);
                *word = (*word << 1 | next) & may;
                next = carried;
            }
            if begun.last().is_some_and(|word| word & self.last != 0) {
                return Some(at + character.len_utf8());
            }
        }
        None
    }

    fn places(&self, character: char) -> &[u64] {
        let found = self.named.binary_search_by_key(&character, |(named, _)| *named);
        found.ok().and_then(|at| self.named.get(at)).map_or(&self.any, |(_, places)| places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a glob means, the slow way: which beginnings of the text fit which beginnings of the pattern.
    fn means(pattern: &str, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let mut fitting = vec![false; text.len() + 1];
        fitting[0] = true;
        for wanted in pattern.chars() {
            let mut next = vec![false; text.len() + 1];
            let mut any = false;
            for length in 0..=text.len() {
                any |= fitting[length];
                next[length] = match wanted {
                    '*' => any,
                    _ => length > 0 && fitting[length - 1] && fits(wanted, text[length - 1]),
                };
            }
            fitting = next;
        }
        fitting[text.len()]
    }

    /// Every text of at most so many of these characters.
    fn all_texts(characters: &[char], most: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut begin = 0;
        for _ in 0..most {
            let end = all.len();
            for at in begin..end {
                let longer = characters.iter().map(|one| format!("{}{one}", all[at]));
                let longer: Vec<String> = longer.collect();
                all.extend(longer);
            }
            begin = end;
        }
        all
    }

    #[test]
    fn every_short_glob_means_of_every_short_text_what_it_says() {
        let texts = all_texts(&['a', 'é'], 5);
        for pattern in all_texts(&['a', 'é', '*', '?'], 5) {
            let glob = Glob::new(&pattern);
            for text in &texts {
                assert_eq!(glob.matches(text), means(&pattern, text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn parts_longer_than_a_word_are_found_where_they_stand() {
        // Numbers that look like chance and are the same each time.
        let mut state = 7_u64;
        let mut chance = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for length in [1, 63, 64, 65, 127, 128, 129, 200, 2_500] {
            for _ in 0..8 {
                let text: String =
                    (0..length + 40).map(|_| if chance(4) == 0 { 'é' } else { 'a' }).collect();
                let part = text.chars().skip(chance(40) as usize).take(length);
                let part: String = part.map(|it| if chance(3) == 0 { '?' } else { it }).collect();
                let fits = Glob::new(&format!("*{part}*"));
                assert!(fits.matches(&text), "{part} {text}");
                let other = part.replacen('a', "b", 1);
                let glob = format!("*{other}*");
                assert_eq!(Glob::new(&glob).matches(&text), means(&glob, &text), "{other} {text}");
            }
        }
    }
}
