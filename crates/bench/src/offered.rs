//! The open loop: requests leave on schedule whatever the answers do, and a latency begins when a
//! request was due, not when it could be sent. No omission is coordinated.
//!
//! One thread sleeps and writes, another reads. Connections take turns; answers of one connection
//! come in order, so the schedule of each answer is known without a word between the two.

use std::io::{ErrorKind, Write};
use std::net::TcpStream as Writer;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::net::TcpStream;

use crate::bodies::{Target, Template, next_stamp};
use crate::closed::Tally;
use crate::wire::Answers;

/// How long answers may come after the last request.
const GRACE: Duration = Duration::from_secs(10);
/// From connecting to the first request.
const LEAD: Duration = Duration::from_millis(50);

/// When requests are due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) per_second: u32,
    pub(crate) warm_up: Duration,
    pub(crate) length: Duration,
}

/// When each request of a run was due, by the stamp that it bears.
#[derive(Clone, Copy)]
pub(crate) struct Dues {
    first_stamp: u64,
    stamps_each: u64,
    timed: Timed,
}

/// A schedule with its beginning.
#[derive(Clone, Copy)]
struct Timed {
    began: Instant,
    interval: Duration,
    /// Requests before this one are not counted.
    warm: u64,
    total: u64,
    connections: u64,
}

impl Schedule {
    /// Requests in all.
    pub(crate) fn requests(&self) -> u64 {
        self.within(self.warm_up + self.length)
    }

    fn within(&self, length: Duration) -> u64 {
        (length.as_secs_f64() * f64::from(self.per_second)) as u64
    }
}

impl Dues {
    /// When the request with this stamp was due, if it is one of those that count.
    pub(crate) fn counted(&self, stamp: u64) -> Option<Instant> {
        let request = stamp.checked_sub(self.first_stamp)? / self.stamps_each;
        let counts = (self.timed.warm..self.timed.total).contains(&request);
        counts.then(|| self.timed.due(request))
    }
}

impl Timed {
    fn due(&self, request: u64) -> Instant {
        self.began + Duration::from_nanos(self.interval.as_nanos() as u64 * request)
    }
}

/// Offers requests at a fixed rate over as many connections as there are pools.
pub(crate) fn run(
    target: &Target,
    pools: Vec<Vec<Template>>,
    schedule: Schedule,
) -> anyhow::Result<Tally> {
    run_dated(target, pools, schedule).map(|(tally, _)| tally)
}

/// The same, and when each request was due. Nothing else may stamp meanwhile.
pub(crate) fn run_dated(
    target: &Target,
    pools: Vec<Vec<Template>>,
    schedule: Schedule,
) -> anyhow::Result<(Tally, Dues)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut writers = Vec::new();
    let mut readers = Vec::new();
    for _ in &pools {
        let stream = Writer::connect(target.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        readers.push(stream.try_clone()?);
        writers.push(stream);
    }
    let timed = Timed {
        began: Instant::now() + LEAD,
        interval: Duration::from_secs(1) / schedule.per_second,
        warm: schedule.within(schedule.warm_up),
        total: schedule.requests(),
        connections: pools.len() as u64,
    };
    let items = pools[0][0].items;
    let dues = Dues { first_stamp: next_stamp(), stamps_each: u64::from(items), timed };
    let sending = std::thread::spawn(move || send(&mut writers, pools, timed));
    let mut tally = runtime.block_on(read_all(readers, timed, items))?;
    sending.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    tally.seconds = schedule.length.as_secs_f64();
    let missing = (timed.total - timed.warm) - tally.latencies.count() - tally.shed;
    ensure!(
        tally.failed == 0 && missing == 0,
        "{} failed, {missing} without an answer",
        tally.failed
    );
    Ok((tally, dues))
}

/// The template of a request, where there are so many pools of so many: which pool, and which in it.
pub(crate) fn place(request: u64, pools: usize, each: usize) -> (usize, usize) {
    let pools = pools as u64;
    ((request % pools) as usize, (request / pools) as usize % each)
}

fn send(writers: &mut [Writer], mut pools: Vec<Vec<Template>>, timed: Timed) -> anyhow::Result<()> {
    for request in 0..timed.total {
        let wait = timed.due(request).saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        let (connection, turn) = place(request, pools.len(), pools[0].len());
        write(&mut writers[connection], pools[connection][turn].stamp())
            .context("a request could not be sent")?;
    }
    Ok(())
}

/// Writes all of it to a socket that does not block; one that is full makes the request late, and counts so.
fn write(stream: &mut Writer, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_micros(50));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn read_all(readers: Vec<Writer>, timed: Timed, items: u32) -> anyhow::Result<Tally> {
    let tally = std::rc::Rc::new(std::cell::RefCell::new(Tally::new()));
    let local = tokio::task::LocalSet::new();
    let ends = tokio::time::Instant::from_std(timed.due(timed.total) + GRACE);
    local
        .run_until(async {
            let mut tasks = Vec::new();
            for (connection, reader) in (0..).zip(readers) {
                let stream = TcpStream::from_std(reader)?;
                let tally = std::rc::Rc::clone(&tally);
                tasks.push(tokio::task::spawn_local(read(stream, connection, timed, items, tally)));
            }
            for task in tasks {
                // What is missing then is counted as missing.
                let _late = tokio::time::timeout_at(ends, task).await;
            }
            anyhow::Ok(())
        })
        .await?;
    let tally = tally.borrow().clone();
    Ok(tally)
}

async fn read(
    stream: TcpStream,
    connection: u64,
    timed: Timed,
    items: u32,
    tally: std::rc::Rc<std::cell::RefCell<Tally>>,
) -> std::io::Result<()> {
    let mut answers = Answers::default();
    let mut request = connection;
    while request < timed.total {
        while let Some(status) = answers.next()? {
            if request >= timed.warm {
                let took = Instant::now().saturating_duration_since(timed.due(request));
                tally.borrow_mut().count(status, items, took);
            }
            request += timed.connections;
        }
        if request >= timed.total {
            break;
        }
        stream.readable().await?;
        match stream.try_read_buf(answers.room()) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
