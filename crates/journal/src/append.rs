//! The answer to one append, on its way.
//!
//! A concrete future instead of a channel in a public signature: every backend makes a pair, keeps
//! the [`Answer`], and hands out the [`Append`].

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::{Appended, Error};

/// Resolves once the append is durable, or has failed. Dropping it does not undo the append.
#[derive(Debug)]
pub struct Append(oneshot::Receiver<Result<Appended, Error>>);

/// The other end of an [`Append`]; dropping it unanswered resolves the append as closed.
#[derive(Debug)]
pub struct Answer(oneshot::Sender<Result<Appended, Error>>);

impl Append {
    /// A promise and the means to keep it.
    pub fn pair() -> (Answer, Self) {
        let (sender, receiver) = oneshot::channel();
        (Answer(sender), Self(receiver))
    }

    /// Blocks the calling thread until the answer is there.
    ///
    /// # Panics
    /// If called inside an asynchronous task, which must not block.
    pub fn wait(self) -> Result<Appended, Error> {
        self.0.blocking_recv().unwrap_or(Err(Error::Closed))
    }
}

impl Future for Append {
    type Output = Result<Appended, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(Error::Closed)))
    }
}

impl Answer {
    /// Resolves the append. Nobody listening any more is no error.
    pub fn send(self, result: Result<Appended, Error>) {
        let _nobody_listens = self.0.send(result);
    }
}
