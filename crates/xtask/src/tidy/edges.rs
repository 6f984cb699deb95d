//! Which crate uses which: the tables of `ARCHITECTURE.md` against the manifests.
//!
//! Dependencies for tests and builds count as any other: a room that must not know another does not
//! know it in its tests either.

use super::Problem;
use super::architecture::{self, PATH, Room, Wall};
use crate::metadata::Package;

/// Compares the tables with the packages. `text` is that of `ARCHITECTURE.md`.
pub(crate) fn check(text: Option<&str>, packages: &[Package]) -> Vec<Problem> {
    let Some(text) = text else {
        let missing = "missing: it holds the tables `## Rooms` and `## Walls` that say which crate \
                       may use which";
        return vec![Problem::new(PATH, missing)];
    };
    let crates: Vec<&Package> = packages.iter().filter(|package| package.ours).collect();
    let mut problems = Vec::new();
    match architecture::rooms(text) {
        Ok(rooms) => problems.extend(check_rooms(&rooms, &crates)),
        Err(problem) => problems.push(problem),
    }
    match architecture::walls(text) {
        Ok(walls) => problems.extend(check_walls(&walls, &crates)),
        Err(problem) => problems.push(problem),
    }
    problems
}

fn check_rooms(rooms: &[Room], crates: &[&Package]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, room) in rooms.iter().enumerate() {
        if rooms[..index].iter().any(|earlier| earlier.name == room.name) {
            problems.push(complaint(room.line, format!("a second row for `{}`", room.name)));
        }
        for name in room.may_use.names().iter().chain([&room.name]) {
            if crates.iter().all(|package| package.name != *name) {
                problems.push(complaint(room.line, format!("there is no crate `{name}`")));
            }
        }
    }
    for package in crates {
        match rooms.iter().find(|room| room.name == package.name) {
            Some(room) => problems.extend(check_room(room, package, crates)),
            None => {
                let message = format!("no row for the crate `{}` in `## Rooms`", package.name);
                problems.push(Problem::new(PATH, message));
            }
        }
    }
    problems
}

fn check_room(room: &Room, package: &Package, crates: &[&Package]) -> Vec<Problem> {
    let ours = |name: &&String| crates.iter().any(|other| other.name == **name);
    package
        .dependencies
        .iter()
        .filter(ours)
        // A crate may name itself to turn its own test features on.
        .filter(|name| **name != package.name && !room.may_use.allows(name))
        .map(|name| {
            let message = format!(
                "`{}` depends on `{name}`, which its row does not allow ({PATH}:{})",
                package.name, room.line
            );
            Problem::new(manifest(package), message)
        })
        .collect()
}

fn check_walls(walls: &[Wall], crates: &[&Package]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for wall in walls {
        let Some(package) = crates.iter().find(|package| package.name == wall.name) else {
            problems.push(complaint(wall.line, format!("there is no crate `{}`", wall.name)));
            continue;
        };
        let breaches = package
            .dependencies
            .iter()
            .filter(|name| wall.forbidden.iter().any(|pattern| fits(pattern, name)));
        problems.extend(breaches.map(|name| {
            let message =
                format!("`{}` must not depend on `{name}` ({PATH}:{})", package.name, wall.line);
            Problem::new(manifest(package), message)
        }));
    }
    problems
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

fn manifest(package: &Package) -> String {
    format!("{}/Cargo.toml", package.folder)
}

fn complaint(line: usize, message: String) -> Problem {
    Problem::at_line(PATH, line, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: None,
            ours: true,
            folder: format!("crates/{name}"),
            dependencies: dependencies.iter().map(ToString::to_string).collect(),
        }
    }

    fn said(rooms: &str, walls: &str, packages: &[Package]) -> Vec<String> {
        let text = format!(
            "## Rooms\n| crate | what it is | may use | must never know |\n|---|---|---|---|\n\
             {rooms}\n## Walls\n| crate | forbidden dependencies |\n|---|---|\n{walls}\n"
        );
        check(Some(&text), packages).iter().map(ToString::to_string).collect()
    }

    const ROOMS: &str = "| `model` | a | – | b |\n| `engine` | a | model | b |\n";

    #[test]
    fn allowed_edges_and_other_peoples_packages_pass() {
        let packages = [ours("model", &["uuid"]), ours("engine", &["hashbrown", "model"])];
        assert_eq!(said(ROOMS, "", &packages), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_named_with_both_places() {
        let packages = [ours("model", &["engine"]), ours("engine", &["model"])];
        assert_eq!(
            said(ROOMS, "", &packages),
            ["crates/model/Cargo.toml: `model` depends on `engine`, which its row does not allow \
              (ARCHITECTURE.md:4)"]
        );
    }

    #[test]
    fn a_crate_without_a_row_and_a_row_without_a_crate_fail() {
        let packages = [ours("model", &[]), ours("lake", &[])];
        assert_eq!(
            said(ROOMS, "", &packages),
            [
                "ARCHITECTURE.md:5: there is no crate `engine`",
                "ARCHITECTURE.md: no row for the crate `lake` in `## Rooms`",
            ]
        );
    }

    #[test]
    fn all_but_allows_what_it_does_not_name() {
        let rooms =
            "| model | a | – | b |\n| sim | a | – | b |\n| server | a | all but sim | b |\n";
        let packages = [ours("model", &[]), ours("sim", &[]), ours("server", &["model"])];
        assert_eq!(said(rooms, "", &packages), Vec::<String>::new());
        let packages = [ours("model", &[]), ours("sim", &[]), ours("server", &["sim"])];
        assert_eq!(said(rooms, "", &packages).len(), 1);
    }

    #[test]
    fn a_wall_stops_a_package_by_name_and_by_beginning() {
        let packages = [ours("model", &["serde"]), ours("engine", &["tokio-stream"])];
        let walls = "| model | serde |\n| engine | tokio* |\n| ghost | serde |";
        assert_eq!(
            said(ROOMS, walls, &packages),
            [
                "crates/model/Cargo.toml: `model` must not depend on `serde` (ARCHITECTURE.md:10)",
                "crates/engine/Cargo.toml: `engine` must not depend on `tokio-stream` \
                 (ARCHITECTURE.md:11)",
                "ARCHITECTURE.md:12: there is no crate `ghost`",
            ]
        );
    }

    #[test]
    fn without_the_page_the_answer_says_what_belongs_there() {
        let problems = check(None, &[]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().starts_with("ARCHITECTURE.md: missing"));
    }
}
