//! Directives. What a directive says stands in its row as it stands in the journal.

use model::Directive;
use model::codec::wire::Writer;
use sqlx::sqlite::SqliteRow;

use crate::Error;
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;

pub(in crate::sqlite) const KEY: [&str; 3] = ["project", "kind", "id"];
pub(in crate::sqlite) const OTHERS: [&str; 4] = ["version", "subscriber", "name", "document"];

pub(in crate::sqlite) fn write(values: &mut Values, directive: &Directive) {
    let mut document = Vec::new();
    model::codec::write_directive(&mut Writer(&mut document), directive);
    let subscriber = directive.body.as_rule().map(|rule| rule.subscriber.to_bytes().to_vec());
    values
        .add(i64::from(directive.project.0))
        .add(i64::from(directive.body.kind().code()))
        .add(&directive.id.to_bytes()[..])
        .add(directive.version.cast_signed())
        .add(subscriber)
        .add(directive.name.as_str())
        .add(document);
}

pub(in crate::sqlite) fn read(row: &SqliteRow) -> Result<Directive, Error> {
    let columns = Columns::new(row, "directives", &KEY);
    let directive = columns.coded("document", model::codec::read_directive)?;
    if directive.project != columns.project("project")? {
        return Err(columns.unreadable("document", "a directive of the row's project"));
    }
    Ok(directive)
}
