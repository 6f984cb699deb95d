//! The page of an incident: what it says before anybody has given a key, and what it cannot be made to do.

use crate::world::{Answer, MANAGER, ONE, World, request};

/// The same incident, another, and one that there is not.
const IDS: [&str; 6] = [
    "1",
    "2",
    "18446744073709551615",
    "01890000-0000-7000-8000-000000000000",
    "01890000000070008000000000000000",
    "01890000-0000-7000-8000-00000000000F",
];

/// Addresses of nothing; some would be markup, or lead elsewhere, if they stood on the page.
const HOSTILE: [&str; 12] = [
    "x",
    "-1",
    "1.5",
    "12x",
    "18446744073709551616",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
    "..%2Fv1%2Fkeys",
    "%2e%2e",
    "javascript:alert(1)",
    "%ff",
    "%00",
];

fn policy(answer: &Answer) -> &str {
    answer.header("content-security-policy").expect("there is a policy")
}

#[tokio::test]
async fn the_page_is_the_same_whatever_the_id_and_whoever_asks() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    let page = world.get("", "/incidents/1").await;
    let own = incident.id.to_string();
    for id in IDS.into_iter().chain([own.as_str()]) {
        for key in ["", MANAGER, "made-up"] {
            let other = world.get(key, &format!("/incidents/{id}")).await;
            assert_eq!((other.status.as_u16(), &other.bytes), (200, &page.bytes), "{id}");
        }
        let with_more = world.get("", &format!("/incidents/{id}?utm_source=mail")).await;
        assert_eq!((with_more.status.as_u16(), &with_more.bytes), (200, &page.bytes), "{id}");
    }
    let html = page.text();
    assert!(!html.contains(&incident.title) && !html.contains(&own));
    assert_eq!(world.submitted(), []);
}

#[tokio::test]
async fn an_address_of_no_incident_is_a_page_that_repeats_nothing_of_it() {
    let world = World::new().await;
    let missing = world.get("", "/incidents/x").await;
    for id in HOSTILE {
        let answer = world.get("", &format!("/incidents/{id}")).await;
        assert_eq!((answer.status.as_u16(), &answer.bytes), (404, &missing.bytes), "{id}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{id}");
        assert!(policy(&answer).starts_with("default-src 'none'"), "{id}");
    }
    assert!(!missing.text().contains("<script"));
    for path in ["/incidents", "/incidents/", "/incidents/1/", "/incidents/1/state"] {
        world.get("", path).await.problem(404, "no_such_route");
    }
    let post = world.send(request("POST", "/incidents/1", MANAGER, None)).await;
    post.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn nothing_comes_from_elsewhere_and_no_text_becomes_markup() {
    let world = World::new().await;
    let page = world.get("", "/incidents/1").await;
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let policy = policy(&page);
    let wanted = [
        "default-src 'none'",
        "script-src 'sha256-",
        "style-src 'sha256-",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ];
    for directive in wanted {
        assert!(policy.contains(directive), "{directive} in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    let html = page.text();
    for name in ["src=", "href=", "style=", "onclick", "@import", "url(", "{{"] {
        assert!(!html.contains(name), "{name}");
    }
    for name in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!html.contains(name), "{name}");
    }
    // The script must end where it ends, and the key must not get into an address or outlive the tab.
    assert_eq!((html.matches("<script").count(), html.matches("</script").count()), (1, 1));
    assert!(html.contains("sessionStorage") && !html.contains("localStorage"));
    assert!(!html.contains("document.cookie"));
}

#[tokio::test]
async fn the_policy_names_the_digests_of_what_is_on_the_page() {
    use base64::Engine as _;
    use sha2::{Digest, Sha256};

    let world = World::new().await;
    let page = world.get("", "/incidents/1").await;
    let html = page.text();
    for (open, close) in [("<style>", "</style>"), ("<script type=\"module\">", "</script>")] {
        let inner = html.split_once(open).and_then(|(_, rest)| rest.split_once(close)).unwrap().0;
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(inner));
        assert!(policy(&page).contains(&format!("'sha256-{digest}'")), "{open}");
    }
}
