//! Directives of a project, read whole: what suppresses alerts, and what silences are listed.

use model::directive::{Directive, DirectiveKind};
use model::{ProjectId, limits};

use crate::Api;
use crate::problem::Problem;

/// Every directive of a kind, in order of creation.
pub(crate) async fn all(
    api: &Api,
    project: ProjectId,
    kind: DirectiveKind,
) -> Result<Vec<Directive>, Problem> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let store = &api.ports().store;
        let page = store.directives(project, kind, None, after, limits::PAGE).await?;
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}
