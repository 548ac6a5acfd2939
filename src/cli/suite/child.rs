//! One instance in a process of its own, so that nothing it does can end the suite.

use super::Settings;
use super::list::{Instance, resolve};
use super::record::Record;
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long after its limit a process may still answer.
const GRACE: Duration = Duration::from_secs(5);
/// How long after an interruption.
const INTERRUPTED_GRACE: Duration = Duration::from_secs(2);
/// Time between two looks at the flag.
const POLL: Duration = Duration::from_millis(100);

/// What became of a process.
enum End {
    Exited(ExitStatus),
    Killed,
    Interrupted,
}

/// Runs an instance; `None` if it was interrupted.
pub fn run(instance: &Instance, settings: &Settings) -> Option<Record> {
    let started = Instant::now();
    let timeout = match (instance.timeout, settings.cap) {
        (Some(limit), Some(cap)) => Some(limit.min(cap)),
        (limit, cap) => limit.or(cap),
    };
    let mut record = Record::new(instance, timeout);
    if instance.model.starts_with('[') {
        record.fail("unsupported-query", "queries over several networks are not supported");
        return Some(record);
    }
    let mut command = Command::new(&settings.program);
    command.arg("verify").arg(resolve(&settings.list, &instance.model));
    command.arg(resolve(&settings.list, &instance.spec));
    command.args(["--json", "--progress", "never", "--color", "never"]).args(&settings.flags);
    if let Some(timeout) = timeout {
        command.arg("--timeout").arg(timeout.as_secs_f64().to_string());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            record.fail("crash", &format!("the process cannot be started: {error}"));
            return Some(record);
        }
    };
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let deadline = timeout.and_then(|limit| started.checked_add(limit + GRACE));
    let (end, answer) = wait(&mut child, &stdout, deadline, settings);
    record.time_s = started.elapsed().as_secs_f64();
    match end {
        End::Interrupted => return None,
        End::Killed => {
            let seconds = GRACE.as_secs();
            record.verdict = "unknown".to_string();
            record.reason = "timeout".to_string();
            record.message = format!("no answer {seconds} s after the limit: ended by the suite");
        }
        End::Exited(status) => {
            let document = serde_json::from_slice::<Value>(&answer).ok();
            match document.filter(|_| status.code().is_some_and(|code| code <= 5)) {
                Some(document) if document["reason"] == "interrupted" => return None,
                Some(document) => record.fill(&document),
                None => {
                    let said = stderr.recv().unwrap_or_default();
                    let said = String::from_utf8_lossy(&said);
                    let first = said.lines().next().unwrap_or("no message");
                    record.fail("crash", &format!("{status}: {first}"));
                }
            }
        }
    }
    Some(record)
}

/// Reads a stream to its end, beside.
fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before an error is what there is.
            let _ = stream.read_to_end(&mut bytes);
        }
        let _ = send.send(bytes);
    });
    receive
}

/// Waits for the end of the answer and of the process, for the deadline, or for an interruption.
fn wait(
    child: &mut Child,
    stdout: &Receiver<Vec<u8>>,
    deadline: Option<Instant>,
    settings: &Settings,
) -> (End, Vec<u8>) {
    let mut interrupted: Option<Instant> = None;
    loop {
        match stdout.recv_timeout(POLL) {
            Ok(answer) => {
                return match child.wait() {
                    Ok(status) => (End::Exited(status), answer),
                    Err(_) => (End::Killed, answer),
                };
            }
            Err(RecvTimeoutError::Disconnected) => return (kill(child, End::Killed), Vec::new()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if settings.cancelled.load(Ordering::Relaxed) {
            // The terminal interrupts the whole group; the answer may be on its way.
            let since = *interrupted.get_or_insert_with(Instant::now);
            if since.elapsed() > INTERRUPTED_GRACE {
                return (kill(child, End::Interrupted), Vec::new());
            }
        }
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return (kill(child, End::Killed), Vec::new());
        }
    }
}

fn kill(child: &mut Child, end: End) -> End {
    // A process that has ended by itself meanwhile is no longer there to kill.
    let _ = child.kill();
    let _ = child.wait();
    end
}
