//! Renders the OpenAPI document as one page of HTML: no script, anchors for everything, so that a link to
//! an operation or a schema can be sent to somebody.
//!
//! Refuses to know the handlers: what it shows is what the document says.

use std::fmt::Write as _;

use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The reference page.
pub(super) fn render(document: &Value) -> String {
    let mut html = String::with_capacity(256 << 10);
    head(&mut html, "Stormbell API");
    let tags = document["tags"].as_array().map_or(&[][..], Vec::as_slice);
    navigation(&mut html, document, tags);
    html.push_str("<main>");
    introduction(&mut html, document);
    for tag in tags {
        let name = text(&tag["name"]);
        let _ = write!(html, "<section><h2 id=\"{0}\">{0}</h2>", escaped(name));
        paragraph(&mut html, text(&tag["description"]));
        for (method, path, operation) in operations(document, name) {
            render_operation(&mut html, method, path, operation);
        }
        html.push_str("</section>");
    }
    html.push_str("<section><h2 id=\"schemas\">schemas</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let _ = write!(html, "<article id=\"schema-{0}\"><h3>{0}</h3>", escaped(name));
        render_schema(&mut html, schema);
        html.push_str("</article>");
    }
    html.push_str("</section></main></body></html>\n");
    html
}

/// What is said about one code.
#[derive(Debug)]
pub(super) struct Explained<'a> {
    /// The code.
    pub(super) word: &'a str,
    /// One sentence.
    pub(super) title: &'a str,
    /// Paragraphs.
    pub(super) text: String,
}

/// The page that explains a code; the API and the doors may both have one of that name.
pub(super) fn errors(explained: &[Explained<'_>]) -> String {
    let mut html = String::new();
    head(&mut html, explained.first().map_or("", |first| first.word));
    html.push_str("<main class=\"alone\"><p><a href=\"/v1/docs\">Stormbell API</a></p>");
    if let Some(first) = explained.first() {
        let _ = write!(html, "<h1><code>{}</code></h1>", escaped(first.word));
    }
    for one in explained {
        let _ = write!(html, "<p class=\"lead\">{}</p>", inline(one.title));
        for block in one.text.split("\n\n") {
            paragraph(&mut html, block);
        }
    }
    html.push_str("</main></body></html>\n");
    html
}

fn head(html: &mut String, title: &str) {
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title>\
         <link rel=\"stylesheet\" href=\"/v1/docs/reference.css\"></head><body>",
        escaped(title),
    );
}

fn navigation(html: &mut String, document: &Value, tags: &[Value]) {
    html.push_str(
        "<nav aria-label=\"Operations\"><a class=\"brand\" href=\"#top\">Stormbell API</a>",
    );
    for tag in tags {
        let name = text(&tag["name"]);
        let _ = write!(html, "<a class=\"tag\" href=\"#{0}\">{0}</a><ul>", escaped(name));
        for (method, path, operation) in operations(document, name) {
            let _ = write!(
                html,
                "<li><a href=\"#{}\"><b class=\"{method}\">{method}</b> {}</a></li>",
                anchor(method, path),
                escaped(text(&operation["summary"])),
            );
        }
        html.push_str("</ul>");
    }
    html.push_str("<a class=\"tag\" href=\"#schemas\">schemas</a></nav>");
}

fn introduction(html: &mut String, document: &Value) {
    let _ = write!(
        html,
        "<header id=\"top\"><h1>{} API <small>{}</small></h1>",
        escaped(text(&document["info"]["title"])),
        escaped(text(&document["info"]["version"])),
    );
    paragraph(html, text(&document["info"]["description"]));
    html.push_str("<dl>");
    let facts = [
        ("Document", "<a href=\"/v1/openapi.json\">/v1/openapi.json</a>, OpenAPI 3.1"),
        (
            "Key",
            "<code>Authorization: Bearer KEY</code>, <code>X-API-Key: KEY</code>, or the password of basic authentication",
        ),
        (
            "Errors",
            "<a href=\"#schema-Problem\">problem documents</a> (RFC 9457) with a stable <code>code</code>; bad fields all at once",
        ),
        (
            "Pages",
            "<code>limit</code> and <code>cursor</code>; pass <code>next_cursor</code> on until it is null",
        ),
        (
            "Repeats",
            "<code>Idempotency-Key</code> on every POST; the same request again is answered with the first outcome",
        ),
        ("Versions", "<code>ETag</code> and <code>If-Match</code>: 412 when somebody was faster"),
    ];
    for (term, meaning) in facts {
        let _ = write!(html, "<dt>{term}</dt><dd>{meaning}</dd>");
    }
    html.push_str("</dl></header>");
}

/// The operations of a tag, in the order of their paths.
fn operations<'a>(
    document: &'a Value,
    tag: &'a str,
) -> impl Iterator<Item = (&'static str, &'a str, &'a Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(move |(path, item)| {
        METHODS.iter().filter_map(move |method| {
            let operation = item.get(method)?;
            let tagged = operation["tags"]
                .as_array()
                .is_some_and(|tags| tags.iter().any(|known| known == tag));
            tagged.then_some((*method, path.as_str(), operation))
        })
    })
}

fn render_operation(html: &mut String, method: &str, path: &str, operation: &Value) {
    let _ = write!(
        html,
        "<article id=\"{}\"><h3><b class=\"{method}\">{method}</b> <code>{}</code></h3><p class=\"lead\">{}</p>",
        anchor(method, path),
        escaped(path),
        escaped(text(&operation["summary"])),
    );
    paragraph(html, text(&operation["description"]));
    render_parameters(html, operation);
    if let Some(body) = operation.get("requestBody") {
        html.push_str("<h4>Body</h4>");
        paragraph(html, text(&body["description"]));
        for (kind, media) in body["content"].as_object().into_iter().flatten() {
            let _ =
                write!(html, "<p><code>{}</code> {}</p>", escaped(kind), type_of(&media["schema"]));
        }
    }
    html.push_str("<h4>Answers</h4><table><tbody>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let bodies = response["content"].as_object().into_iter().flatten();
        let types: Vec<String> = bodies.map(|(_, media)| type_of(&media["schema"])).collect();
        let _ = write!(
            html,
            "<tr><th scope=\"row\" class=\"s{}\">{status}</th><td>{}</td><td>{}</td></tr>",
            status.chars().next().unwrap_or('0'),
            inline(text(&response["description"])),
            types.join(" "),
        );
    }
    html.push_str("</tbody></table></article>");
}

fn render_parameters(html: &mut String, operation: &Value) {
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    if parameters.is_empty() {
        return;
    }
    html.push_str("<h4>Parameters</h4><table><tbody>");
    for parameter in parameters {
        let needed = if parameter["required"] == true { " <em>required</em>" } else { "" };
        let _ = write!(
            html,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}{needed}</td><td>{}</td></tr>",
            escaped(text(&parameter["name"])),
            escaped(text(&parameter["in"])),
            inline(text(&parameter["description"])),
        );
    }
    html.push_str("</tbody></table>");
}

fn render_schema(html: &mut String, schema: &Value) {
    paragraph(html, text(&schema["description"]));
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> =
            words.iter().map(|word| format!("<code>{}</code>", escaped(text(word)))).collect();
        let _ = write!(html, "<p>One of {}</p>", words.join(" "));
    }
    for part in ["allOf", "oneOf", "anyOf"] {
        for (index, inner) in schema[part].as_array().into_iter().flatten().enumerate() {
            if inner.get("properties").is_some() {
                render_properties(html, inner);
            } else {
                let word = if part == "allOf" {
                    "Everything of"
                } else if index == 0 {
                    "One of"
                } else {
                    "or"
                };
                let _ = write!(html, "<p>{word} {}</p>", type_of(inner));
            }
        }
    }
    render_properties(html, schema);
}

fn render_properties(html: &mut String, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    html.push_str("<table><tbody>");
    for (name, property) in properties {
        let needed =
            if required.iter().any(|known| known == name) { " <em>required</em>" } else { "" };
        let _ = write!(
            html,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}{needed}</td><td>{}</td></tr>",
            escaped(name),
            type_of(property),
            inline(text(&property["description"])),
        );
    }
    html.push_str("</tbody></table>");
}

/// A type in few words, with a link where it has a name.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for part in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[part].as_array() {
            let choices: Vec<String> = choices.iter().map(type_of).collect();
            return choices.join(" or ");
        }
    }
    if let Some(words) = schema["type"].as_array() {
        let of_one = |word: &Value| {
            let mut one = schema.clone();
            one["type"] = word.clone();
            type_of(&one)
        };
        return words.iter().map(of_one).collect::<Vec<_>>().join(" or ");
    }
    match text(&schema["type"]) {
        "array" => format!("list of {}", type_of(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map to {}", type_of(&schema["additionalProperties"]))
        }
        "string" if schema["format"].is_string() => {
            format!("string, {}", escaped(text(&schema["format"])))
        }
        "" => "any".to_owned(),
        other => escaped(other),
    }
}

fn anchor(method: &str, path: &str) -> String {
    let mut anchor = method.to_owned();
    for word in path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        anchor.push('-');
        anchor.push_str(word);
    }
    anchor
}

fn paragraph(html: &mut String, words: &str) {
    if !words.trim().is_empty() {
        let _ = write!(html, "<p>{}</p>", inline(words.trim()));
    }
}

/// Text with `code` in back quotes.
fn inline(words: &str) -> String {
    let mut html = String::with_capacity(words.len() + 16);
    for (index, part) in words.split('`').enumerate() {
        if index % 2 == 1 {
            let _ = write!(html, "<code>{}</code>", escaped(part));
        } else {
            html.push_str(&escaped(part));
        }
    }
    html
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
