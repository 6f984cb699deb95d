//! An ordered stop: what is half said may be finished, what is idle does not hold it up, and the next
//! start has nothing to do again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Client, Options, Server, eventually, only_incident, uuid};

/// Longer than connections are waited for, and far less than a supervisor's patience.
const STOPPED: Duration = Duration::from_secs(25);

#[test]
fn idle_connections_do_not_hold_a_stop_up() {
    let mut server = Server::start(Options::default());
    let mut clients: Vec<Client> = (0..50).map(|_| server.client()).collect();
    for client in &mut clients {
        client.get("/livez").expect_status(200);
    }
    let began = Instant::now();
    server.terminate();
    assert!(began.elapsed() < Duration::from_secs(6), "it took {:?}", began.elapsed());
}

#[test]
fn a_request_half_sent_when_the_stop_begins_is_answered() {
    let mut server = Server::start(Options::default());
    let body = json!({ "id": uuid(1, 1), "component": "db" }).to_string();
    let (early, late) = body.split_at(10);
    let mut stream = TcpStream::connect(server.http()).expect("it listens");
    stream.set_read_timeout(Some(STOPPED)).expect("it can be set");
    let head = format!(
        "POST /v1/signals HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        server.key(),
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it is read");
    // The interim answer says that the request has been let in: from here on it is under way.
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let mut said = vec![0; interim.len()];
    stream.read_exact(&mut said).expect("it goes on");
    assert_eq!(String::from_utf8_lossy(&said), interim);
    stream.write_all(early.as_bytes()).expect("it is read");
    server.ask_to_stop();
    eventually("the stop has begun", STOPPED, || server.log_line("stopping: no new connections"));
    stream.write_all(late.as_bytes()).expect("it is still read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    server.wait_until_stopped();
    server.restart();
    assert_eq!(only_incident(&mut server.client(), "component=db")["signal_count"], 1);
}

#[test]
fn what_an_ordered_stop_has_finished_is_not_replayed() {
    let mut server = Server::start(Options::default());
    let batch = json!(vec![json!({ "component": "db" }); 5_000]);
    server.client().post("/v1/signals", &batch).expect_status(202);
    let log = server.terminate();
    assert!(log.contains("everything acknowledged is durable"), "{log}");
    server.restart();
    let opened = server.log_line("\"opened\"").expect("it says what it replayed");
    assert_eq!((&opened["replayed"], &opened["snapshot"]), (&json!(0), &json!(5_000)), "{opened}");
    assert_eq!(only_incident(&mut server.client(), "component=db")["signal_count"], 5_000);
}
