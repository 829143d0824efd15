//! `POST /v1/accounts/bulk` and its like: one write a line, one answer a line, while it goes. What is held
//! at a time is a batch; a line that is wrong costs only itself.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{MatchedPath, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::{FutureExt, StreamExt, stream};
use kith_domain::Identifier;
use kith_engine::{Caller, IdempotencyKey, Write, WriteLine};
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Sender};
use tokio::time::timeout;

use super::lines::{Line, Lines};
use super::writes::{EVENTS, Key, Kind, MAX_WRITE_BYTES, kind, read, read_event, read_upsert};
use crate::App;
use crate::auth::Authenticated;
use crate::body::Unreadable;
use crate::problem::{FieldProblem, Problem};

/// Most lines of one request.
pub(crate) const MAX_LINES: u64 = 10_000;
/// Most lines of one transaction.
const BATCH: usize = 100;
/// Most roots and identifiers that one transaction names: its audit entry has a hash of each.
const MAX_NAMES: usize = 300;
/// Most batches whose answers wait for the client to read them. Clients that send all before they read
/// anything are thereby answered too.
const WAITING: usize = 128;
/// Longest that the next bytes may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes line by line.
pub(crate) async fn write(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    path: MatchedPath,
    Key(key): Key,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let kind = match path.as_str().starts_with("/v1/events/") {
        true => None,
        false => Some(kind(&path)?),
    };
    let action = kind.map_or(EVENTS, |kind| kind.action);
    // Unpacking takes the header away: what is left of it, nothing here can unpack.
    let packed = headers.get(header::CONTENT_ENCODING);
    if packed.is_some_and(|encoding| encoding != "identity") {
        return Err(Unreadable::UnknownEncoding.problem());
    }
    // Whoever may write nothing at all hears so before anything is read.
    let nothing = Vec::new();
    app.engine
        .write_lines(&caller, action, nothing, None)
        .await?;

    let (answers, waiting) = mpsc::channel(WAITING);
    let run = Run {
        app,
        caller,
        kind,
        action,
        key,
        batch: Batch::default(),
        answered: 0,
        answers,
    };
    // A client that hangs up ends it with the batch that is under way.
    tokio::spawn(run.all(body.into_data_stream()));
    let answers = stream::unfold(waiting, |mut waiting| async move {
        let next: Option<Bytes> = waiting.recv().await;
        next.map(|text| (Ok::<_, Infallible>(text), waiting))
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(answers)).into_response())
}

/// One request on its way.
struct Run {
    app: App,
    caller: Caller,
    /// What is written; `None` is events.
    kind: Option<&'static Kind>,
    action: &'static str,
    key: Option<IdempotencyKey>,
    batch: Batch,
    /// Lines that were answered.
    answered: u64,
    answers: Sender<Bytes>,
}

/// Lines that wait for their transaction.
#[derive(Default)]
struct Batch {
    writes: Vec<WriteLine>,
    /// Every line's number, and the problem of one that is not written.
    lines: Vec<(u64, Option<Value>)>,
    /// What its lines write, so that each hears what became of its own.
    written: HashSet<Identifier>,
    names: usize,
}

/// Why it ends before the last line.
enum Stop {
    /// Nobody listens any more.
    HungUp,
    /// The client is to be told.
    Told(Problem),
}

impl Run {
    async fn all(mut self, mut body: BodyDataStream) {
        let end = match self.lines(&mut body).await {
            Ok(()) => json!({"end": "complete", "lines": self.answered}),
            Err(Stop::HungUp) => return,
            Err(Stop::Told(problem)) => {
                json!({"end": "stopped", "lines": self.answered, "problem": problem.document()})
            }
        };
        let _ = self.tell(&[end]).await;
    }

    async fn lines(&mut self, body: &mut BodyDataStream) -> Result<(), Stop> {
        let mut lines = Lines::new(MAX_WRITE_BYTES);
        loop {
            // What is there is written as soon as nothing more is: a client may wait for its answers.
            let chunk = match body.next().now_or_never() {
                Some(chunk) => chunk,
                None => {
                    self.flush().await?;
                    let next = timeout(PATIENCE, body.next()).await;
                    next.map_err(|_| Stop::Told(Unreadable::Broken.problem()))?
                }
            };
            let Some(chunk) = chunk else { break };
            let chunk = chunk.map_err(|_| Stop::Told(Unreadable::Broken.problem()))?;
            for line in lines.split(&chunk) {
                self.take(line).await?;
            }
        }
        if let Some(line) = lines.rest() {
            self.take(line).await?;
        }
        self.flush().await
    }

    /// One line more.
    async fn take(&mut self, line: Line) -> Result<(), Stop> {
        if line.number > MAX_LINES {
            self.flush().await?;
            return Err(Stop::Told(invalid(format!(
                "at most {MAX_LINES} lines: send the rest in another request"
            ))));
        }
        let read = match line.text {
            None => Err(invalid(format!(
                "a line has at most {MAX_WRITE_BYTES} bytes"
            ))),
            Some(text) => self.read(&text),
        };
        let write = match read {
            Ok(write) => write,
            Err(problem) => {
                self.batch
                    .lines
                    .push((line.number, Some(problem.document())));
                return self.flush_if(self.batch.lines.len() >= BATCH).await;
            }
        };
        // Two lines about one root have a transaction each.
        let again = write.written_by().iter();
        let again = again.clone().any(|by| self.batch.written.contains(by));
        let is_full = self.batch.names + write.names() > MAX_NAMES;
        self.flush_if(again || is_full).await?;
        self.batch.names += write.names();
        self.batch
            .written
            .extend(write.written_by().iter().cloned());
        self.batch.lines.push((line.number, None));
        self.batch.writes.push(WriteLine {
            number: line.number,
            write,
        });
        self.flush_if(self.batch.lines.len() >= BATCH).await
    }

    fn read(&self, text: &[u8]) -> Result<Write, Problem> {
        read(text, |object, faults| match self.kind {
            Some(kind) => read_upsert(kind, object, faults, text.to_vec()),
            None => read_event(object, faults, text.to_vec()),
        })
    }

    async fn flush_if(&mut self, is_due: bool) -> Result<(), Stop> {
        match is_due {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Writes what waits, and answers it once it is durable.
    async fn flush(&mut self) -> Result<(), Stop> {
        let Batch { writes, lines, .. } = std::mem::take(&mut self.batch);
        if lines.is_empty() {
            return Ok(());
        }
        let each = match writes.is_empty() {
            true => Vec::new(),
            false => {
                let (engine, key) = (&self.app.engine, self.key.as_ref());
                let written = engine.write_lines(&self.caller, self.action, writes, key);
                written.await.map_err(|error| Stop::Told(error.into()))?
            }
        };
        let mut each = each.into_iter();
        let mut answers = Vec::with_capacity(lines.len());
        for (number, problem) in lines {
            let answer = match problem {
                Some(problem) => json!({"line": number, "problem": problem}),
                None => match each.next() {
                    Some(Ok(written)) => {
                        let mut answer = json!({"line": number});
                        let parts = serde_json::to_value(&written).unwrap_or_default();
                        if let (Some(answer), Value::Object(parts)) =
                            (answer.as_object_mut(), parts)
                        {
                            answer.extend(parts);
                        }
                        answer
                    }
                    Some(Err(error)) => {
                        json!({"line": number, "problem": Problem::from(error).document()})
                    }
                    None => break,
                },
            };
            answers.push(answer);
        }
        self.answered += answers.len() as u64;
        self.tell(&answers).await
    }

    async fn tell(&self, answers: &[Value]) -> Result<(), Stop> {
        let mut text = String::new();
        for answer in answers {
            text.push_str(&answer.to_string());
            text.push('\n');
        }
        let told = self.answers.send(Bytes::from(text)).await;
        told.map_err(|_| Stop::HungUp)
    }
}

fn invalid(expected: String) -> Problem {
    let field = String::new();
    Problem::invalid(vec![FieldProblem { field, expected }])
}
