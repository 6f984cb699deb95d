//! The OpenAPI document and its page.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::World;

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                found.insert(reference.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let world = World::new().await;
    let document = world.get("", "/v1/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], "0.1.0");
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
            for name in path.split(['{', '}']).skip(1).step_by(2) {
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(
                    parameters.iter().any(|parameter| parameter["name"] == name),
                    "{method} {path}: {name}"
                );
            }
        }
    }
    assert_eq!(world.api.openapi(), world.get("", "/v1/openapi.json").await.bytes);
}

#[tokio::test]
async fn the_document_holds_every_route_of_the_issue() {
    let world = World::new().await;
    let document = world.get("", "/v1/openapi.json").await.json();
    let routes = [
        "post /v1/signals",
        "get /incidents/{id}",
        "post /v1/webhooks/alertmanager",
        "post /v1/webhooks/grafana",
        "post /api/v2/alerts",
        "get /api/v2/alerts",
        "get /api/v2/alerts/groups",
        "get /api/v2/status",
        "get /api/v2/receivers",
        "get /api/v2/silences",
        "post /api/v2/silences",
        "get /api/v2/silence/{id}",
        "delete /api/v2/silence/{id}",
        "post /v1/import/alertmanager",
        "get /v1/incidents",
        "get /v1/incidents/{id}",
        "get /v1/incidents/{id}/signals",
        "get /v1/incidents/{id}/timeline",
        "patch /v1/incidents/{id}/state",
        "post /v1/incidents/{id}/rca",
        "get /v1/incidents/{id}/rca/draft",
        "put /v1/incidents/{id}/rca/draft",
        "post /v1/incidents/{id}/assign",
        "post /v1/incidents/{id}/comments",
        "post /v1/incidents/{id}/links",
        "post /v1/incidents/{id}/severity",
        "post /v1/incidents/{id}/merge",
        "post /v1/incidents/{id}/split",
        "get /v1/policies/grouping",
        "post /v1/policies/grouping",
        "get /v1/policies/grouping/{id}",
        "put /v1/policies/grouping/{id}",
        "delete /v1/policies/grouping/{id}",
        "get /v1/keys",
        "post /v1/keys",
        "delete /v1/keys/{id}",
        "get /v1/projects",
        "post /v1/projects",
        "get /livez",
        "get /readyz",
        "get /healthz",
        "get /metrics",
    ];
    for route in routes {
        let (method, path) = route.split_once(' ').unwrap();
        assert!(document["paths"][path][method].is_object(), "{route}");
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_loads_nothing_from_elsewhere() {
    let world = World::new().await;
    let document = world.get("", "/v1/openapi.json").await.json();
    let page = world.get("", "/v1/docs").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'")
            && !policy.contains("unsafe")
            && !policy.contains("script-src")
    );
    let html = page.text();
    assert!(
        !html.contains("<script")
            && !html.contains("<style")
            && !html.contains("style=")
            && !html.contains("src=")
    );
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(html.contains(&format!("<code>{path}</code>")), "{path}");
    }
    let ids: BTreeSet<&str> =
        html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for link in html.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(ids.contains(link), "#{link} leads nowhere");
    }
    let style = world.get("", "/v1/docs/reference.css").await;
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(!style.text().contains("http") && !style.text().contains("@import"));
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_page() {
    let world = World::new().await;
    let of_the_doors = ["all_rejected", "rate_limited"];
    for code in api::Code::ALL.iter().map(|code| code.as_str()).chain(of_the_doors) {
        let page = world.get("", &format!("/docs/errors/{code}")).await;
        assert_eq!(page.status, 200, "{code}");
        assert!(page.header("content-security-policy").is_some());
        assert!(page.text().contains(code));
    }
}
