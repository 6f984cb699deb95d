//! The machine: what it is, and how much of it others take while something is measured.

use std::process::Command;
use std::time::Duration;

use crate::guard;
use crate::process::cpu_seconds;
use crate::run::Bench;

/// Processor time used so far, by everybody and by us.
pub(crate) struct Load {
    /// The load average over a minute.
    pub(crate) average: f64,
    busy_seconds: f64,
    idle_seconds: f64,
    own_seconds: f64,
}

impl Load {
    pub(crate) fn now() -> Self {
        let average = std::fs::read_to_string("/proc/loadavg").ok();
        let average = average.and_then(|text| text.split(' ').next()?.parse().ok());
        let (busy_seconds, idle_seconds) = machine_seconds();
        let own_seconds = guard::running().into_iter().filter_map(cpu_seconds).sum::<f64>()
            + own_with_ended_children().unwrap_or(0.0);
        Self { average: average.unwrap_or(0.0), busy_seconds, idle_seconds, own_seconds }
    }

    /// The share of the machine's time since `before` that neither was idle nor ours, in percent.
    pub(crate) fn others_percent_since(&self, before: &Self) -> f64 {
        let busy = self.busy_seconds - before.busy_seconds;
        let all = busy + self.idle_seconds - before.idle_seconds;
        let others = busy - (self.own_seconds - before.own_seconds);
        if all > 0.0 { (others / all * 100.0).max(0.0) } else { 0.0 }
    }
}

/// Processor time this thread has used: what a single-threaded measurement takes on a core of its own,
/// whoever else wants one.
pub(crate) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Date, commit, processor, memory, kernel and disk, in one paragraph.
pub(crate) fn describe(bench: &Bench) -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        processor.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let memory = memory.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let scratch = bench.scratch.path().to_string_lossy().into_owned();
    format!(
        "{}, commit {}, {} runs{}; {}, {cores} cores, {:.0} GiB, Linux {}, disk {}",
        jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        output("git", &["rev-parse", "--short", "HEAD"]),
        bench.runs,
        if bench.quick { " (quick)" } else { "" },
        model.unwrap_or("unknown processor").trim(),
        memory.unwrap_or(0.0) / 1_048_576.0,
        kernel.trim(),
        output("df", &["--output=source,fstype", &scratch]).lines().last().unwrap_or("unknown"),
    )
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// Seconds all processors were busy with processes, and idle.
fn machine_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> =
        first.split_whitespace().skip(1).filter_map(|figure| figure.parse().ok()).collect();
    let hertz = rustix::param::clock_ticks_per_second().max(1) as f64;
    let sum = |columns: &[usize]| {
        columns.iter().filter_map(|&column| ticks.get(column)).sum::<f64>() / hertz
    };
    (sum(&[0, 1, 2]), sum(&[3, 4]))
}

/// Processor time of this process and of its children that have ended, in seconds.
fn own_with_ended_children() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let figures = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
    let ticks: f64 = figures.filter_map(|figure| figure.parse::<f64>().ok()).sum();
    Some(ticks / rustix::param::clock_ticks_per_second().max(1) as f64)
}
