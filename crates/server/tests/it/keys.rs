//! Keys made and revoked in haste: by many at once, and by whoever hangs up before the answer.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, Given, Options, Server, eventually, text};

/// A key that may read, and its id.
fn make(client: &mut Client, name: &str) -> (String, String) {
    let asked = json!({ "name": name, "scopes": ["read"] });
    let made = client.post("/v1/keys", &asked).expect_status(201).json();
    (text(&made["id"]), text(&made["key"]))
}

fn works(server: &Server, key: &str) -> bool {
    Client::new(server.http(), key).get("/v1/incidents").status == 200
}

#[test]
fn a_key_is_what_its_last_answer_said_however_many_are_made_and_revoked_at_once() {
    const ROUNDS: usize = 25;
    let server = Server::start(Options::default());
    for round in 0..ROUNDS {
        let (id, key) = make(&mut server.client(), &format!("revoked {round}"));
        let made: Vec<String> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..3)
                .map(|maker| {
                    let server = &server;
                    let name = format!("made {round} {maker}");
                    scope.spawn(move || make(&mut server.client(), &name).1)
                })
                .collect();
            let path = format!("/v1/keys/{id}");
            let revoked = server.client().send("DELETE", &path, &Given::default());
            assert_eq!(revoked.expect("the server answers").status, 204);
            makers.into_iter().map(|maker| maker.join().expect("it was made")).collect()
        });
        assert!(!works(&server, &key), "round {round}: it was revoked");
        for key in made {
            assert!(works(&server, &key), "round {round}: it was made");
        }
    }
}

#[test]
fn a_key_whose_revoker_hangs_up_is_either_revoked_or_not() {
    let server = Server::start(Options::default());
    let keys: Vec<(String, String)> =
        (0..40).map(|number| make(&mut server.client(), &format!("key {number}"))).collect();
    let hang_up = |id: &str| {
        let mut connection = TcpStream::connect(server.http()).expect("it listens");
        let request = format!(
            "DELETE /v1/keys/{id} HTTP/1.1\r\nhost: stormbell\r\nauthorization: Bearer {}\r\n\r\n",
            server.key()
        );
        connection.write_all(request.as_bytes()).expect("it is sent");
    };
    eventually(
        "some are revoked, and the list and the doors agree",
        Duration::from_secs(30),
        || {
            let listed = server.client().get("/v1/keys").expect_status(200).json();
            let is_revoked = |id: &str| {
                let items = listed["items"].as_array().expect("a list");
                let item = items.iter().find(|item| item["id"] == id).expect("it is listed");
                item["revoked_at"] != Value::Null
            };
            let agree = keys.iter().all(|(id, key)| is_revoked(id) != works(&server, key));
            if agree && keys.iter().any(|(id, _)| is_revoked(id)) {
                return Some(());
            }
            keys.iter().filter(|(id, _)| !is_revoked(id)).for_each(|(id, _)| hang_up(id));
            None
        },
    );
}
