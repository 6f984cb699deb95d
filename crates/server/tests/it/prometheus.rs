//! Debian's Prometheus and amtool, unmodified, with Stormbell as their Alertmanager.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Options, Server, eventually, incidents, only_incident, text};

const PATIENCE: Duration = Duration::from_secs(40);
const RULES: &str = r#"
groups:
  - name: pools
    rules:
      - alert: PoolExhausted
        expr: pool_free < 1
        labels: { severity: critical, service: orders-db }
        annotations: { summary: "no connection is left" }
"#;

/// A process that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// An exporter of one number. Its thread ends with the process of the tests.
fn export(number: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A scrape that breaks off is made again a second later.
            let _broken = answer_scrape(stream, number.load(Ordering::Relaxed));
        }
    });
    address
}

fn answer_scrape(mut stream: TcpStream, number: u64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let body = format!("pool_free {number}\n");
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close";
    write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn start_prometheus(server: &Server, exporter: SocketAddr) -> Ending {
    let folder = server.folder();
    let config = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
         rule_files: [rules.yml]\n\
         scrape_configs: [{{ job_name: pools, static_configs: [{{ targets: ['{exporter}'] }}] }}]\n\
         alerting:\n  alertmanagers:\n    - basic_auth: {{ username: any, password: '{}' }}\n      \
         static_configs: [{{ targets: ['{}'] }}]\n",
        server.key(),
        server.http()
    );
    fs::write(folder.join("rules.yml"), RULES).expect("it can be written");
    fs::write(folder.join("prometheus.yml"), config).expect("it can be written");
    let log = fs::File::create(folder.join("prometheus.log")).expect("it can be written");
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
        .args(["--web.listen-address=127.0.0.1:0", "--rules.alert.resend-delay=1s"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    Ending(child.expect("Prometheus is installed: .ci/install-packages monitors"))
}

fn amtool(server: &Server, arguments: &[&str]) -> String {
    let url = format!("http://any:{}@{}", server.key(), server.http());
    let output = Command::new("amtool")
        .arg(format!("--alertmanager.url={url}"))
        .args(arguments)
        .output()
        .expect("amtool is installed: .ci/install-packages monitors");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "amtool {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("it writes text")
}

#[test]
fn prometheus_fires_and_resolves_through_us() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let free = Arc::new(AtomicU64::new(0));
    let _prometheus = start_prometheus(&server, export(Arc::clone(&free)));

    let query = "component=orders-db";
    eventually("the alert opens an incident", PATIENCE, || {
        (!incidents(&mut client, query).is_empty()).then_some(())
    });
    let sent = || server.metric("stormbell_ingest_records_total{door=\"alertmanager\"");
    eventually("the alert is sent again and again", PATIENCE, || (sent() >= 6.0).then_some(()));
    let incident = only_incident(&mut client, query);
    assert_eq!(incident["status"], "OPEN");
    assert_eq!(incident["signal_count"], 1, "what is sent again is no new signal");
    assert_eq!(incident["severity"], "P0");
    assert_eq!(incident["title"], "orders-db: no connection is left");
    let alerts = client.get("/api/v2/alerts").expect_status(200).json();
    let names: Vec<_> = alerts.as_array().expect("a list").iter().collect();
    assert_eq!(names.len(), 1, "{alerts}");
    assert_eq!(names[0]["labels"]["alertname"], "PoolExhausted");
    assert_eq!(names[0]["status"]["state"], "active");

    free.store(5, Ordering::Relaxed);
    eventually("the incident resolves with its alert", PATIENCE, || {
        let incident = only_incident(&mut client, query);
        (incident["status"] == "RESOLVED").then_some(())
    });
    let alerts = client.get("/api/v2/alerts").expect_status(200).json();
    assert_eq!(alerts, Value::Array(Vec::new()));
    // The same fires again at once: it is the same incident.
    free.store(0, Ordering::Relaxed);
    eventually("the incident reopens with its alert", PATIENCE, || {
        let incident = only_incident(&mut client, query);
        (incident["status"] == "OPEN").then_some(())
    });
}

#[test]
fn amtool_adds_and_queries() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let summary = "--annotation=summary=the disk is full";
    amtool(&server, &["alert", "add", "DiskFull", "service=orders", "severity=critical", summary]);
    let incident = only_incident(&mut client, "component=orders");
    assert_eq!((&incident["severity"], &incident["status"]), (&"P0".into(), &"OPEN".into()));

    let listed = amtool(&server, &["alert", "query"]);
    assert!(listed.contains("DiskFull") && listed.contains("the disk is full"), "{listed}");
    assert!(amtool(&server, &["alert", "query", "alertname=~Disk.*"]).contains("DiskFull"));
    assert!(!amtool(&server, &["alert", "query", "alertname=Other"]).contains("DiskFull"));
    let json = amtool(&server, &["-o", "json", "alert", "query"]);
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json[0]["labels"]["service"], "orders");
    amtool(&server, &["config", "show"]);
    amtool(&server, &["cluster", "show"]);
    amtool(&server, &["silence", "query"]);
}

#[test]
fn an_alert_of_amtool_that_is_not_renewed_ends_with_its_lease() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
    let end = format!("--end={end:.0}");
    amtool(&server, &["alert", "add", "Short", "service=short", &end]);
    let incident = only_incident(&mut client, "component=short");
    assert_eq!(incident["status"], "OPEN");
    eventually("the lease ends", PATIENCE, || {
        let incident = only_incident(&mut client, "component=short");
        (incident["status"] == "RESOLVED").then_some(())
    });
    assert!(!amtool(&server, &["alert", "query"]).contains("Short"));
    let path = format!("/v1/incidents/{}/timeline", text(&incident["id"]));
    let timeline = client.get(&path).expect_status(200).text();
    assert!(timeline.contains("RESOLVED"), "{timeline}");
}
