//! Projects, keys and drafts.

use std::sync::Arc;

use model::{Access, Denied, ProjectId, Rca};

use super::fixtures::{HERE, Road, bare_incident, incident_id, key, opened, person, rca, time};
use crate::{ErrorKind, KeyRow, Keys, RcaDraft, Store};

const READS: &str = "the store can be read";
const WRITES: &str = "the store takes it";

pub(super) async fn a_new_store_has_the_default_project(store: Arc<dyn Store>) {
    let projects = store.projects().await.expect(READS);
    let names: Vec<_> = projects
        .iter()
        .map(|project| (project.id, project.organization.as_str(), project.name.as_str()))
        .collect();
    assert_eq!(names, [(ProjectId(1), "default", "default")]);
    assert!(store.keys(None).await.expect(READS).is_empty());
}

pub(super) async fn projects_get_the_next_id_and_names_of_their_own(store: Arc<dyn Store>) {
    let by = person("root");
    let mut created = Vec::new();
    for (organization, name) in [("default", "shop"), ("acme", "shop"), ("acme", "default")] {
        created.push(store.create_project(organization, name, time(1), &by).await.expect(WRITES));
    }
    for (organization, name) in [("default", "default"), ("acme", "shop")] {
        let error = store.create_project(organization, name, time(2), &by).await;
        assert_eq!(error.expect_err("the name is taken").kind(), ErrorKind::Conflict);
    }
    created.push(store.create_project("acme", "Shop", time(3), &by).await.expect(WRITES));
    let ids: Vec<u32> = created.iter().map(|project| project.id.0).collect();
    assert_eq!(ids, [2, 3, 4, 5]);
    assert_eq!(store.projects().await.expect(READS)[1..], created);
}

pub(super) async fn keys_are_kept_without_their_secret_until_revoked(store: Arc<dyn Store>) {
    let by = person("root");
    let (first, second) = (key(HERE, 1), KeyRow { rate_per_second: None, ..key(HERE, 2) });
    store.create_key(&second, &by).await.expect(WRITES);
    store.create_key(&first, &by).await.expect(WRITES);
    assert_eq!(store.keys(Some(HERE)).await.expect(READS), [first.clone(), second.clone()]);
    let refused = [
        (KeyRow { digest: [9; 32], ..first.clone() }, ErrorKind::Conflict),
        (KeyRow { id: key(HERE, 3).id, ..first.clone() }, ErrorKind::Conflict),
        (key(ProjectId(99), 4), ErrorKind::NotFound),
    ];
    for (row, kind) in refused {
        assert_eq!(store.create_key(&row, &by).await.expect_err("it cannot be").kind(), kind);
    }
    for (project, id) in [(HERE, key(HERE, 3).id), (ProjectId(2), first.id)] {
        let error = store.revoke_key(project, id, time(5), &by).await;
        assert_eq!(error.expect_err("there is no such key").kind(), ErrorKind::NotFound);
    }
    store.revoke_key(HERE, first.id, time(5), &by).await.expect(WRITES);
    store.revoke_key(HERE, first.id, time(6), &by).await.expect(WRITES);
    let revoked = KeyRow { revoked_at: Some(time(5)), ..first };
    assert_eq!(store.keys(None).await.expect(READS), [revoked, second]);
}

pub(super) async fn the_use_of_a_key_is_noted_and_never_goes_back(store: Arc<dyn Store>) {
    let by = person("root");
    for number in 1..=3 {
        store.create_key(&key(HERE, number), &by).await.expect(WRITES);
    }
    let id = |number| key(HERE, number).id;
    store.touch_keys(&[]).await.expect(WRITES);
    store.touch_keys(&[(id(1), time(7)), (id(2), time(8)), (id(9), time(9))]).await.expect(WRITES);
    store.touch_keys(&[(id(1), time(6)), (id(2), time(10))]).await.expect(WRITES);
    let used: Vec<_> =
        store.keys(None).await.expect(READS).iter().map(|key| key.last_used_at).collect();
    assert_eq!(used, [Some(time(7)), Some(time(10)), None]);
}

pub(super) async fn drafts_have_versions_that_guard_them(store: Arc<dyn Store>) {
    let id = incident_id(HERE, 1);
    Road::new(&store).commit(vec![opened(&bare_incident(HERE, 1))]).await;
    let draft = |rca: Rca, name: &str| RcaDraft {
        incident: id,
        rca,
        edited_by: person(name),
        edited_at: time(3),
        version: 77,
    };
    assert_eq!(store.draft(HERE, id).await.expect(READS), None);
    let early = store.save_draft(HERE, &draft(rca("early"), "ada"), Some(1)).await;
    assert_eq!(early.expect_err("there is none yet").kind(), ErrorKind::Conflict);
    let first = store.save_draft(HERE, &draft(rca("first"), "ada"), Some(0)).await.expect(WRITES);
    assert_eq!(first, RcaDraft { version: 1, ..draft(rca("first"), "ada") });
    assert_eq!(store.draft(HERE, id).await.expect(READS), Some(first));
    for expected in [Some(0), Some(2)] {
        let stale = store.save_draft(HERE, &draft(rca("stale"), "eve"), expected).await;
        assert_eq!(stale.expect_err("its version is 1").kind(), ErrorKind::Conflict);
    }
    let second =
        store.save_draft(HERE, &draft(Rca::default(), "eve"), Some(1)).await.expect(WRITES);
    let third = store.save_draft(HERE, &draft(rca("third"), "ada"), None).await.expect(WRITES);
    assert_eq!((second.version, third.version), (2, 3));
    assert_eq!(store.draft(HERE, id).await.expect(READS), Some(third));
    let unknown = RcaDraft { incident: incident_id(HERE, 2), ..draft(rca("lost"), "ada") };
    let error = store.save_draft(HERE, &unknown, None).await.expect_err("no such incident");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

pub(super) async fn keys_grant_what_the_store_holds(store: Arc<dyn Store>) {
    let by = person("root");
    let minted = crate::mint_secret().expect("there is randomness");
    let row = KeyRow { digest: minted.digest, prefix: minted.prefix, ..key(HERE, 1) };
    store.create_key(&row, &by).await.expect(WRITES);
    let keys = Keys::load(&*store).await.expect(READS);
    let grant = keys.grant(&minted.secret, time(1)).expect("the key is good");
    assert_eq!((grant.key, grant.project, grant.project_name.as_str()), (row.id, HERE, "default"));
    store.touch_keys(&keys.used()).await.expect(WRITES);
    assert!(store.keys(None).await.expect(READS)[0].last_used_at.is_some());
    store.revoke_key(HERE, row.id, time(2), &by).await.expect(WRITES);
    keys.reload(&*store).await.expect(READS);
    assert_eq!(keys.grant(&minted.secret, time(3)), Err(Denied::Revoked));
}
