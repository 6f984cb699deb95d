//! YAML as a tree in which every scalar is still the text that was written: a label's value `1.10` is not the
//! number 1.1, and where each text stands is known.
//!
//! Refuses to know what a document means. Invariant: a tree has at most [`NODES`] nodes however its
//! aliases multiply, and is at most [`model::limits::JSON_DEPTH`] deep.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span};
use model::limits;
use serde_json::{Map, Value};

/// Nodes of one document, those behind aliases counted each time.
const NODES: usize = 200_000;

/// A node and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) content: Content,
    /// From 1.
    pub(super) line: usize,
    /// The bytes of a scalar on one line; nothing for what is written over several.
    pub(super) place: Option<Range<usize>>,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Nothing, or `null`.
    Empty,
    /// A scalar.
    Text(String),
    List(Vec<Node>),
    /// Keys are unique, in the order of the document.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Empty => Some(""),
            Content::List(_) | Content::Map(_) => None,
        }
    }

    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(entries) => {
                entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
            }
            Content::Empty | Content::Text(_) | Content::List(_) => None,
        }
    }

    /// The tree as JSON; every scalar is a string.
    pub(super) fn json(&self) -> Value {
        match &self.content {
            Content::Empty => Value::Null,
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Self::json).collect(),
            Content::Map(entries) => {
                let entries = entries.iter().map(|(key, node)| (key.clone(), node.json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    fn count(&self) -> usize {
        1 + match &self.content {
            Content::Empty | Content::Text(_) => 0,
            Content::List(items) => items.iter().map(Self::count).sum(),
            Content::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
        }
    }
}

/// Reads the one document of a text.
///
/// # Errors
/// A sentence with the line.
pub(super) fn read(text: &str) -> Result<Node, String> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        reader.take(event, &span).map_err(|why| format!("line {}: {why}", line(&span)))?;
    }
    reader.root.ok_or_else(|| "the document is empty".to_owned())
}

#[derive(Default)]
struct Reader {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

/// A list or map that is not yet whole.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<String>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), String> {
        let line = line(span);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err("there is more than one document".to_owned())
            }
            Event::Scalar(text, style, anchor, _) => {
                let is_null = style == ScalarStyle::Plain
                    && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let is_on_one_line = span.start.line() == span.end.line()
                    && !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let place = span.byte_range().filter(|_| is_on_one_line);
                let content =
                    if is_null { Content::Empty } else { Content::Text(text.into_owned()) };
                self.add(Node { content, line, place }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(Content::List(Vec::new()), line, anchor)
            }
            Event::MappingStart(_, anchor, _) => self.begin(Content::Map(Vec::new()), line, anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| "an alias leads to itself".to_owned())?;
                self.nodes += node.count();
                self.add(node, 0)
            }
            // Comments and the ends of things say nothing.
            _ => Ok(()),
        }
    }

    fn begin(&mut self, content: Content, line: usize, anchor: usize) -> Result<(), String> {
        if self.open.len() == limits::JSON_DEPTH {
            return Err(format!("it is nested deeper than {} levels", limits::JSON_DEPTH));
        }
        let node = Node { content, line, place: None };
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(Open { mut node, anchor, .. }) = self.open.pop() else { return Ok(()) };
        if let Content::Map(entries) = &mut node.content {
            merge(entries)?;
        }
        self.add(node, anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(format!("it has more than {NODES} parts"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.node.content, open.key.take()) {
            (Content::List(items), _) => items.push(node),
            (Content::Map(entries), Some(key)) => entries.push((key, node)),
            (Content::Map(entries), None) => {
                let key = node.text().ok_or("a key is no text")?;
                if entries.iter().any(|(name, _)| name == key) {
                    return Err(format!("the key `{key}` is there twice"));
                }
                open.key = Some(key.to_owned());
            }
            (Content::Empty | Content::Text(_), _) => {}
        }
        Ok(())
    }
}

/// Takes over what `<<` names, where the map does not say otherwise.
fn merge(entries: &mut Vec<(String, Node)>) -> Result<(), String> {
    let Some(at) = entries.iter().position(|(name, _)| name == "<<") else { return Ok(()) };
    let (_, merged) = entries.remove(at);
    let sources = match merged.content {
        Content::List(items) => items,
        Content::Empty | Content::Text(_) | Content::Map(_) => vec![merged],
    };
    for source in sources {
        let Content::Map(others) = source.content else {
            return Err("`<<` takes a map".to_owned());
        };
        for (name, node) in others {
            if !entries.iter().any(|(known, _)| *known == name) {
                entries.push((name, node));
            }
        }
    }
    Ok(())
}

fn line(span: &Span) -> usize {
    span.start.line()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_stay_as_they_are_written() {
        let text = "a: 1.10\nb: [yes, ~, '', \"x\\ny\"]\nc: {d: |\n  two\n  lines\n}\n";
        let text = text.replace("{d: |\n  two\n  lines\n}", "\n  d: |\n    two\n    lines");
        let expected =
            json!({"a": "1.10", "b": ["yes", null, "", "x\ny"], "c": {"d": "two\nlines\n"}});
        assert_eq!(read(&text).unwrap().json(), expected);
    }

    #[test]
    fn aliases_and_merges_are_resolved() {
        let text = "x: &x {a: 1, b: 2}\ny: *x\nz: {<<: *x, b: 3}\nw: {<<: [*x, {c: 4}]}";
        let node = read(text).unwrap().json();
        assert_eq!(node["y"], json!({"a": "1", "b": "2"}));
        assert_eq!(node["z"], json!({"b": "3", "a": "1"}));
        assert_eq!(node["w"], json!({"a": "1", "b": "2", "c": "4"}));
    }

    #[test]
    fn what_is_no_tree_or_too_large_is_refused() {
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (one, other) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")] {
            let aliases = vec![format!("*{other}"); 10].join(", ");
            bomb.push_str(&format!("{one}: &{one} [{aliases}]\n"));
        }
        let deep = "[".repeat(70) + &"]".repeat(70);
        let cases =
            ["", "a: [", "a: 1\na: 2", "{[x]: 1}", "a: *nowhere", "a: 1\n---\nb: 2", "<<: x"];
        for text in cases.into_iter().chain([bomb.as_str(), &deep]) {
            assert!(read(text).is_err(), "{}", &text[..text.len().min(60)]);
        }
    }

    #[test]
    fn the_place_of_a_scalar_is_known() {
        let text = "# é\na:\n- b: \"se cret\" # it\n";
        let root = read(text).unwrap();
        let Content::List(items) = &root.get("a").unwrap().content else { panic!("a list") };
        let node = items[0].get("b").unwrap();
        assert_eq!((&text[node.place.clone().unwrap()], node.line), ("\"se cret\"", 3));
    }
}
