//! Who administers the installation, and not only a project: keys of project 1, which the first start
//! creates, that may manage. There are no other people yet.

use model::{ProjectId, Scope};

use crate::problem::{Code, Problem};
use crate::request::Call;

/// The project of the first start.
const INSTALLATION: ProjectId = ProjectId(1);

/// Whether the caller administers the installation.
pub(crate) fn is(call: &Call) -> bool {
    call.project() == INSTALLATION && call.grant().scopes.has(Scope::Manage)
}

/// Refuses everybody else.
pub(crate) fn require(call: &Call) -> Result<(), Problem> {
    call.require(&[Scope::Manage])?;
    if is(call) {
        return Ok(());
    }
    Err(Problem::new(
        Code::AdministratorRequired,
        "this takes a key with the scope `manage` of the installation's own project",
    ))
}
