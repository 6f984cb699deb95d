//! Subscribers, endpoints, documents and directives.

use std::sync::Arc;

use model::{Directive, DirectiveId, DirectiveKind, Duration, Effect, EndpointId, ProjectId};

use super::fixtures::{HERE, Road, person, time};
use super::notices::{directed, rule, silence, subscriber_id};
use crate::{Contact, DocumentKind, DocumentRow, EndpointRow, ErrorKind, Store, SubscriberRow};

const READS: &str = "the store can be read";
const WRITES: &str = "the store takes it";
const THERE: ProjectId = ProjectId(2);

fn subscriber(number: u64, name: &str) -> SubscriberRow {
    let contact = |number| Contact {
        endpoint: EndpointId(number),
        after: Duration::from_secs(u64::try_from(number).unwrap_or(0) * 60),
    };
    SubscriberRow {
        project: HERE,
        id: subscriber_id(number),
        name: name.to_owned(),
        contacts: vec![contact(9), contact(3)],
        version: 77,
        created_at: time(77),
    }
}

fn endpoint(number: u128, subscriber: u64) -> EndpointRow {
    EndpointRow {
        project: HERE,
        id: EndpointId(number),
        subscriber: subscriber_id(subscriber),
        channel: "webhook".to_owned(),
        name: "the same name".to_owned(),
        config: r#"{"url":"https://example.com/?a='1'"}"#.to_owned(),
        secrets: vec![0, 255, 7],
        verified_at: Some(time(5)),
        owner_confirms: false,
        version: 77,
        created_at: time(77),
    }
}

fn document(kind: DocumentKind, id: u128, name: &str) -> DocumentRow {
    DocumentRow {
        project: HERE,
        kind,
        id,
        name: name.to_owned(),
        body: r#"{"layers":[]}"#.to_owned(),
        version: 77,
        updated_at: time(77),
    }
}

pub(super) async fn subscribers_are_listed_by_name_and_created_once(store: Arc<dyn Store>) {
    let by = person("root");
    let (web, db) = (subscriber(1, "web"), subscriber(2, "db"));
    assert_eq!(store.put_subscriber(&web, None, &by, time(1)).await.expect(WRITES), 1);
    assert_eq!(store.put_subscriber(&db, None, &by, time(2)).await.expect(WRITES), 1);
    let person = SubscriberRow { contacts: Vec::new(), ..web.clone() };
    assert_eq!(store.put_subscriber(&person, Some(1), &by, time(3)).await.expect(WRITES), 2);
    let db = SubscriberRow { version: 1, created_at: time(2), ..db };
    let web = SubscriberRow { version: 2, created_at: time(1), ..person };
    assert_eq!(store.subscribers(HERE).await.expect(READS), [db, web.clone()]);
    assert_eq!(store.subscriber(HERE, web.id).await.expect(READS), Some(web.clone()));
    assert_eq!(store.subscriber(THERE, web.id).await.expect(READS), None);
    assert!(store.subscribers(THERE).await.expect(READS).is_empty());
    let elsewhere = SubscriberRow { project: THERE, ..web };
    store.put_subscriber(&elsewhere, None, &by, time(4)).await.expect(WRITES);
}

pub(super) async fn a_stale_version_is_refused_and_says_the_current_one(store: Arc<dyn Store>) {
    let by = person("root");
    let (row, place) = (subscriber(1, "web"), endpoint(1, 1));
    let paper = document(DocumentKind::Calendar, 1, "nights");
    for _ in 0..2 {
        let expected = store.subscriber(HERE, row.id).await.expect(READS).map(|row| row.version);
        store.put_subscriber(&row, expected, &by, time(1)).await.expect(WRITES);
        store.put_endpoint(&place, expected, &by, time(1)).await.expect(WRITES);
        store.put_document(&paper, expected, &by, time(1)).await.expect(WRITES);
    }
    for expected in [None, Some(0), Some(1), Some(3)] {
        let stale = [
            store.put_subscriber(&row, expected, &by, time(2)).await,
            store.put_endpoint(&place, expected, &by, time(2)).await,
            store.put_document(&paper, expected, &by, time(2)).await,
        ];
        for error in stale.map(|put| put.expect_err("its version is 2")) {
            assert_eq!((error.kind(), error.current_version()), (ErrorKind::Conflict, Some(2)));
            assert!(error.to_string().contains("version 2"), "{error}");
        }
    }
    for expected in [Some(1), Some(3)] {
        let stale = [
            store.delete_subscriber(HERE, row.id, expected, &by, time(2)).await,
            store.delete_endpoint(HERE, place.id, expected, &by, time(2)).await,
            store.delete_document(HERE, paper.kind, paper.id, expected, &by, time(2)).await,
        ];
        for error in stale.map(|removed| removed.expect_err("its version is 2")) {
            assert_eq!((error.kind(), error.current_version()), (ErrorKind::Conflict, Some(2)));
        }
    }
}

pub(super) async fn what_is_not_there_is_neither_replaced_nor_removed(store: Arc<dyn Store>) {
    let by = person("root");
    let (row, place) = (subscriber(1, "web"), endpoint(1, 1));
    let paper = document(DocumentKind::Schedule, 1, "nights");
    let missing = [
        store.put_subscriber(&row, Some(1), &by, time(1)).await.map(|_| ()),
        store.put_endpoint(&place, Some(1), &by, time(1)).await.map(|_| ()),
        store.put_document(&paper, Some(1), &by, time(1)).await.map(|_| ()),
        store.delete_subscriber(HERE, row.id, None, &by, time(1)).await,
        store.delete_endpoint(HERE, place.id, Some(1), &by, time(1)).await,
        store.delete_document(HERE, paper.kind, paper.id, None, &by, time(1)).await,
    ];
    for error in missing.map(|done| done.expect_err("it is not there")) {
        assert_eq!((error.kind(), error.current_version()), (ErrorKind::NotFound, None));
    }
}

pub(super) async fn names_of_subscribers_and_documents_are_taken_once(store: Arc<dyn Store>) {
    let by = person("root");
    for (number, name) in [(1, "web"), (2, "db")] {
        store.put_subscriber(&subscriber(number, name), None, &by, time(1)).await.expect(WRITES);
        let paper = document(DocumentKind::Schedule, u128::from(number), name);
        store.put_document(&paper, None, &by, time(1)).await.expect(WRITES);
    }
    let other_kind = document(DocumentKind::Calendar, 1, "web");
    store.put_document(&other_kind, None, &by, time(1)).await.expect(WRITES);
    let taken = [
        store.put_subscriber(&subscriber(3, "web"), None, &by, time(2)).await,
        store.put_subscriber(&subscriber(2, "web"), Some(1), &by, time(2)).await,
        store.put_document(&document(DocumentKind::Schedule, 3, "db"), None, &by, time(2)).await,
        store.put_document(&document(DocumentKind::Schedule, 1, "db"), Some(1), &by, time(2)).await,
    ];
    for error in taken.map(|put| put.expect_err("the name is taken")) {
        assert_eq!((error.kind(), error.current_version()), (ErrorKind::Conflict, None));
    }
    store.put_subscriber(&subscriber(2, "Web"), Some(1), &by, time(3)).await.expect(WRITES);
}

pub(super) async fn a_subscriber_goes_after_its_endpoints_and_rules(store: Arc<dyn Store>) {
    let by = person("root");
    let row = subscriber(1, "web");
    store.put_subscriber(&row, None, &by, time(1)).await.expect(WRITES);
    store.put_endpoint(&endpoint(5, 1), None, &by, time(1)).await.expect(WRITES);
    let mut road = Road::new(&store);
    road.commit(vec![directed(&rule(HERE, 3, row.id)), directed(&silence(HERE, 3))]).await;
    let refused = store.delete_subscriber(HERE, row.id, Some(1), &by, time(2)).await;
    assert_eq!(refused.expect_err("it has an endpoint").kind(), ErrorKind::Conflict);
    store.delete_endpoint(HERE, EndpointId(5), Some(1), &by, time(2)).await.expect(WRITES);
    let refused = store.delete_subscriber(HERE, row.id, None, &by, time(2)).await;
    assert_eq!(refused.expect_err("it has a rule").kind(), ErrorKind::Conflict);
    let (kind, id) = (DirectiveKind::Rule, DirectiveId(3));
    road.commit(vec![Effect::DirectiveRemoved { project: HERE, kind, id }]).await;
    store.delete_subscriber(HERE, row.id, Some(1), &by, time(3)).await.expect(WRITES);
    assert!(store.subscribers(HERE).await.expect(READS).is_empty());
}

pub(super) async fn endpoints_are_listed_by_creation_with_their_secrets(store: Arc<dyn Store>) {
    let by = person("root");
    let bare = EndpointRow { verified_at: None, secrets: Vec::new(), ..endpoint(1, 2) };
    store.put_endpoint(&endpoint(9, 1), None, &by, time(1)).await.expect(WRITES);
    store.put_endpoint(&bare, None, &by, time(2)).await.expect(WRITES);
    store.put_endpoint(&endpoint(4, 1), None, &by, time(2)).await.expect(WRITES);
    let moved = EndpointRow { subscriber: subscriber_id(3), ..endpoint(9, 1) };
    assert_eq!(store.put_endpoint(&moved, Some(1), &by, time(3)).await.expect(WRITES), 2);
    let expected = [
        EndpointRow { version: 2, created_at: time(1), ..moved },
        EndpointRow { version: 1, created_at: time(2), ..bare },
        EndpointRow { version: 1, created_at: time(2), ..endpoint(4, 1) },
    ];
    assert_eq!(store.endpoints(HERE).await.expect(READS), expected);
    let [first, ..] = expected;
    assert_eq!(store.endpoint(HERE, EndpointId(9)).await.expect(READS), Some(first));
    assert_eq!(store.endpoint(THERE, EndpointId(9)).await.expect(READS), None);
    store.delete_endpoint(HERE, EndpointId(9), None, &by, time(4)).await.expect(WRITES);
    assert_eq!(store.endpoints(HERE).await.expect(READS).len(), 2);
}

pub(super) async fn an_endpoint_is_verified_at_the_version_that_was_seen(store: Arc<dyn Store>) {
    let by = person("owner");
    let waiting = EndpointRow { verified_at: None, owner_confirms: true, ..endpoint(1, 1) };
    store.put_endpoint(&waiting, None, &by, time(1)).await.expect(WRITES);
    let seen = store.endpoint(HERE, waiting.id).await.expect(READS).expect("it is there");
    assert_eq!((seen.verified_at, seen.owner_confirms), (None, true));
    for (project, id, kind) in [
        (HERE, EndpointId(9), ErrorKind::NotFound),
        (THERE, waiting.id, ErrorKind::NotFound),
        (HERE, waiting.id, ErrorKind::Conflict),
    ] {
        let refused = store.verify_endpoint(project, id, 7, &by, time(2)).await;
        assert_eq!(refused.expect_err("it is not at version 7").kind(), kind);
    }
    assert_eq!(store.verify_endpoint(HERE, waiting.id, 1, &by, time(3)).await.expect(WRITES), 2);
    let verified = store.endpoint(HERE, waiting.id).await.expect(READS).expect("it is there");
    let expected = EndpointRow { verified_at: Some(time(3)), version: 2, ..seen };
    assert_eq!(verified, expected);
}

pub(super) async fn documents_are_listed_by_kind_and_name(store: Arc<dyn Store>) {
    let by = person("root");
    for (index, &kind) in DocumentKind::ALL.iter().enumerate() {
        for (id, name) in [(u128::MAX, "b"), (1, "a")] {
            let paper = document(kind, id, &format!("{name}{index}"));
            store.put_document(&paper, None, &by, time(1)).await.expect(WRITES);
        }
    }
    let changed = DocumentRow { body: "{}".to_owned(), ..document(DocumentKind::Original, 1, "z") };
    store.put_document(&changed, Some(1), &by, time(2)).await.expect(WRITES);
    let saved = |version, at, row| DocumentRow { version, updated_at: time(at), ..row };
    let expected = [
        saved(1, 1, document(DocumentKind::Original, u128::MAX, "b2")),
        saved(2, 2, changed.clone()),
    ];
    let listed = store.documents(HERE, DocumentKind::Original).await.expect(READS);
    assert_eq!(listed, expected);
    let one = store.document(HERE, DocumentKind::Original, 1).await.expect(READS);
    assert_eq!(one, Some(saved(2, 2, changed)));
    assert_eq!(store.document(THERE, DocumentKind::Original, 1).await.expect(READS), None);
    let kind = DocumentKind::Schedule;
    store.delete_document(HERE, kind, 1, Some(1), &by, time(3)).await.expect(WRITES);
    assert_eq!(store.documents(HERE, kind).await.expect(READS).len(), 1);
    assert_eq!(store.documents(HERE, DocumentKind::Calendar).await.expect(READS).len(), 2);
}

pub(super) async fn directives_are_paged_by_id_and_by_subscriber(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let rules: Vec<Directive> =
        (1..=30).map(|id| rule(HERE, id << 100, subscriber_id(id as u64 % 3))).collect();
    let mut effects: Vec<Effect> = rules.iter().rev().map(directed).collect();
    effects.extend((1..=4).map(|id| directed(&silence(HERE, id << 100))));
    effects.push(directed(&rule(THERE, 1 << 100, subscriber_id(1))));
    road.commit(effects).await;
    let of_one = |subscriber| rules.iter().filter(move |rule| owned_by(rule, subscriber)).cloned();
    for limit in [1, 7, 10, 30, 0] {
        let all = every_page(&store, DirectiveKind::Rule, None, limit).await;
        assert_eq!(all, rules, "pages of {limit}");
        let some = every_page(&store, DirectiveKind::Rule, Some(2), limit).await;
        assert_eq!(some, of_one(2).collect::<Vec<_>>(), "pages of {limit}");
    }
    assert_eq!(every_page(&store, DirectiveKind::Silence, None, 3).await.len(), 4);
    assert!(every_page(&store, DirectiveKind::Escalation, None, 3).await.is_empty());
    let id = DirectiveId(1 << 100);
    let one = store.directive(HERE, DirectiveKind::Silence, id).await.expect(READS);
    assert_eq!(one, Some(silence(HERE, id.0)));
    let one = store.directive(HERE, DirectiveKind::Rule, id).await.expect(READS);
    assert_eq!(one, Some(rules[0].clone()));
    assert_eq!(store.directive(HERE, DirectiveKind::Inhibition, id).await.expect(READS), None);
}

pub(super) async fn a_directive_is_the_one_saved_last_until_removed(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let first = rule(HERE, 5, subscriber_id(1));
    let second = Directive { version: 2, ..rule(HERE, 5, subscriber_id(2)) };
    let (kind, id) = (DirectiveKind::Rule, first.id);
    let removed = Effect::DirectiveRemoved { project: HERE, kind, id };
    let saved = |row: &Directive| directed(row);
    let batches = [
        (vec![saved(&first), saved(&second)], Some(&second)),
        (vec![saved(&first)], Some(&first)),
        (vec![saved(&second), removed.clone()], None),
        (vec![removed.clone()], None),
        (vec![removed, saved(&second)], Some(&second)),
        (vec![saved(&second)], Some(&second)),
    ];
    for (effects, stands) in batches {
        road.commit(effects).await;
        assert_eq!(store.directive(HERE, kind, id).await.expect(READS).as_ref(), stands);
        let all = store.directives(HERE, kind, None, None, 0).await.expect(READS);
        assert_eq!((all.total, all.items.len()), (u64::from(stands.is_some()), all.items.len()));
        let old = store.directives(HERE, kind, Some(subscriber_id(1)), None, 0).await;
        assert_eq!(old.expect(READS).total, u64::from(stands == Some(&first)));
    }
}

fn owned_by(directive: &Directive, subscriber: u64) -> bool {
    matches!(&directive.body, model::DirectiveBody::Rule(rule) if rule.subscriber == subscriber_id(subscriber))
}

/// Every directive of a kind, page by page.
async fn every_page(
    store: &Arc<dyn Store>,
    kind: DirectiveKind,
    subscriber: Option<u64>,
    limit: usize,
) -> Vec<Directive> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.directives(HERE, kind, subscriber.map(subscriber_id), after, limit).await;
        let page = page.expect(READS);
        assert!(limit == 0 || page.items.len() <= limit);
        let total = page.total;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            assert_eq!(total, all.len() as u64);
            return all;
        }
    }
}
