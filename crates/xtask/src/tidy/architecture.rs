//! The two tables of `ARCHITECTURE.md` that are law: `## Rooms` and `## Walls`.
//!
//! `Rooms` says which crate may use which crate of ours; `Walls` which packages of others a crate
//! must never depend on. They are read as a person reads them, from the Markdown.

use super::Problem;

/// Where the tables are.
pub(crate) const PATH: &str = "ARCHITECTURE.md";

const ROOMS: (&str, &[&str]) = ("Rooms", &["crate", "what it is", "may use", "must never know"]);
const WALLS: (&str, &[&str]) = ("Walls", &["crate", "forbidden dependencies"]);

/// One row of `## Rooms`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) may_use: MayUse,
}

/// The cell `may use` of a room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MayUse {
    /// These crates; none when the cell is a dash.
    Only(Vec<String>),
    /// Every crate except these.
    AllBut(Vec<String>),
}

/// One row of `## Walls`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wall {
    pub(crate) line: usize,
    pub(crate) name: String,
    /// Package names; one that ends in `*` stands for every name that begins so.
    pub(crate) forbidden: Vec<String>,
}

impl MayUse {
    pub(crate) fn allows(&self, name: &str) -> bool {
        match self {
            MayUse::Only(names) => names.iter().any(|allowed| allowed == name),
            MayUse::AllBut(names) => names.iter().all(|refused| refused != name),
        }
    }

    /// The crates the cell names, allowed or refused.
    pub(crate) fn names(&self) -> &[String] {
        match self {
            MayUse::Only(names) | MayUse::AllBut(names) => names,
        }
    }
}

/// Reads `## Rooms`.
pub(crate) fn rooms(text: &str) -> Result<Vec<Room>, Problem> {
    let rows = table(text, ROOMS)?;
    Ok(rows
        .into_iter()
        .map(|row| Room {
            line: row.line,
            name: row.cells[0].clone(),
            may_use: may_use(&row.cells[2]),
        })
        .collect())
}

/// Reads `## Walls`.
pub(crate) fn walls(text: &str) -> Result<Vec<Wall>, Problem> {
    let rows = table(text, WALLS)?;
    Ok(rows
        .into_iter()
        .map(|row| Wall {
            line: row.line,
            name: row.cells[0].clone(),
            forbidden: names(&row.cells[1]),
        })
        .collect())
}

fn may_use(cell: &str) -> MayUse {
    match cell.strip_prefix("all but") {
        Some(rest) => MayUse::AllBut(names(rest)),
        None if cell == "all" => MayUse::AllBut(Vec::new()),
        None => MayUse::Only(names(cell)),
    }
}

fn names(cell: &str) -> Vec<String> {
    let dashes = ["–", "—", "-"];
    let separators = |c: char| c.is_whitespace() || c == ',';
    cell.split(separators)
        .filter(|name| !name.is_empty() && !dashes.contains(name))
        .map(str::to_owned)
        .collect()
}

struct Row {
    line: usize,
    cells: Vec<String>,
}

/// The rows of the first table under the heading. Every row has as many cells as the heading.
fn table(text: &str, (heading, columns): (&str, &[&str])) -> Result<Vec<Row>, Problem> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .skip_while(|(_, line)| line.strip_prefix("## ").map(str::trim) != Some(heading));
    let Some((heading_line, _)) = lines.next() else {
        let wanted = format!("no heading `## {heading}` with a table `{}`", columns.join(" | "));
        return Err(Problem::new(PATH, wanted));
    };
    let mut rows = lines
        .take_while(|(_, line)| !line.starts_with("## "))
        .skip_while(|(_, line)| !line.starts_with('|'))
        .take_while(|(_, line)| line.starts_with('|'))
        .map(|(line, text)| Row { line, cells: cells(text) });
    if rows.next().is_none_or(|header| header.cells != columns) {
        let wanted =
            format!("`## {heading}` needs a table with the columns {}", columns.join(" | "));
        return Err(Problem::at_line(PATH, heading_line, wanted));
    }
    let rows: Vec<Row> = rows.skip(1).collect();
    match rows.iter().find(|row| row.cells.len() != columns.len()) {
        Some(row) => {
            let message = format!("{} cells, not {}", row.cells.len(), columns.len());
            Err(Problem::at_line(PATH, row.line, message))
        }
        None => Ok(rows),
    }
}

fn cells(row: &str) -> Vec<String> {
    let inner = row.strip_prefix('|').unwrap_or(row);
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    inner.split('|').map(|cell| cell.replace('`', "").trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Architecture

## Rooms

Some words.

| crate | what it is | may use | must never know |
|---|---|---|---|
| `model` | words | – | I/O |
| `engine` | decides | model | clocks |
| `server` | wires | all but `sim` `bench` | – |

## Walls

| crate | forbidden dependencies |
|---|---|
| `engine` | `tokio*` sqlx, serde_json |
";

    #[test]
    fn rooms_are_read_with_their_lines() {
        let only = |names: &[&str]| MayUse::Only(names.iter().map(ToString::to_string).collect());
        let rooms = rooms(TEXT).expect("the table is whole");
        assert_eq!(rooms[0], Room { line: 9, name: "model".into(), may_use: only(&[]) });
        assert_eq!(rooms[1], Room { line: 10, name: "engine".into(), may_use: only(&["model"]) });
        let all_but = MayUse::AllBut(vec!["sim".into(), "bench".into()]);
        assert_eq!(rooms[2], Room { line: 11, name: "server".into(), may_use: all_but });
        assert_eq!(rooms.len(), 3);
    }

    #[test]
    fn walls_are_read_with_or_without_commas() {
        let walls = walls(TEXT).expect("the table is whole");
        assert_eq!(walls.len(), 1);
        assert_eq!(walls[0].forbidden, ["tokio*", "sqlx", "serde_json"]);
    }

    #[test]
    fn a_missing_heading_is_said_with_the_columns_it_should_have() {
        let problem = rooms("# Architecture\n").expect_err("there is no table");
        assert_eq!(
            problem.to_string(),
            "ARCHITECTURE.md: no heading `## Rooms` with a table \
             `crate | what it is | may use | must never know`"
        );
    }

    #[test]
    fn other_columns_and_ragged_rows_are_refused() {
        let renamed = TEXT.replace("may use", "uses");
        assert_eq!(rooms(&renamed).expect_err("renamed").place, "ARCHITECTURE.md:3");
        let ragged = TEXT.replace("| model | clocks |", "| model |");
        assert_eq!(
            rooms(&ragged).expect_err("ragged").to_string(),
            "ARCHITECTURE.md:10: 3 cells, not 4"
        );
    }
}
