//! The crate multistream-select behind the contract of ../../README.md. It knows
//! no time, so the program limits a negotiation, as the crate's users do.
use std::io::{ErrorKind, Write};
use std::time::Duration;

use multistream_select::{
    dialer_select_proto, listener_select_proto, Negotiated, NegotiationError, ProtocolError, Version,
};
use serde_json::{json, Value};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

type Stream = Compat<Negotiated<Compat<TcpStream>>>;

const PATIENCE: Duration = Duration::from_secs(10); // of a responder

struct Job {
    lazy: bool,
    ls: bool,
    send: String,
    end: String,
    timeout: Duration,
    address: String,
    protocols: Vec<String>,
}

fn parse(args: &[String]) -> Result<Job, String> {
    let mut job = Job {
        lazy: false,
        ls: false,
        send: String::new(),
        end: "close".to_string(),
        timeout: Duration::from_secs(10),
        address: String::new(),
        protocols: vec![],
    };
    let mut args = args.iter().peekable();
    while let Some(option) = args.next_if(|a| a.starts_with("--")) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "--lazy" => job.lazy = true,
            "--ls" => job.ls = true,
            "--send" => job.send = value.to_string(),
            "--end" => job.end = value.to_string(),
            "--timeout" => {
                let seconds = value.parse().map_err(|e| format!("{option}: {e}"))?;
                job.timeout = Duration::from_secs_f64(seconds)
            }
            _ => return Err(format!("no option {name}")),
        }
    }
    job.address = args.next().ok_or("an initiator needs an address")?.clone();
    job.protocols = args.cloned().collect();
    Ok(job)
}

fn report(outcome: Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{outcome}").expect("standard output");
}

fn failure(class: &str, detail: impl ToString) -> Value {
    json!({"ok": false, "protocol": "", "error": class, "detail": detail.to_string()})
}

fn class_of_io(e: &std::io::Error) -> &'static str {
    match e.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::BrokenPipe
        | ErrorKind::ConnectionAborted => "closed",
        // A lazy stream wraps what a negotiation says.
        _ => match e.get_ref().and_then(|e| e.downcast_ref::<NegotiationError>()) {
            Some(e) => class(e),
            None => "protocol",
        },
    }
}

fn class(e: &NegotiationError) -> &'static str {
    match e {
        NegotiationError::Failed => "refused",
        NegotiationError::ProtocolError(ProtocolError::IoError(e)) => class_of_io(e),
        NegotiationError::ProtocolError(_) => "protocol",
    }
}

async fn initiate(job: Job) -> Value {
    if job.ls {
        return failure("unsupported", "multistream-select does not ask for lists");
    }
    let conn = match TcpStream::connect(&job.address).await {
        Ok(conn) => conn,
        Err(e) => return failure("local", e),
    };
    conn.set_nodelay(true).expect("a TCP socket");
    let version = if job.lazy { Version::V1Lazy } else { Version::V1 };
    let limit = job.timeout;
    let negotiation = dialer_select_proto(conn.compat(), job.protocols.clone(), version);
    let (protocol, stream) = match timeout(limit, negotiation).await {
        Err(e) => return failure("timeout", e),
        Ok(Err(e)) => return failure(class(&e), e),
        Ok(Ok(agreed)) => agreed,
    };
    let mut back = vec![];
    let closed = if job.end == "close" || job.end == "now" { "self" } else { "peer" };
    let result = timeout(limit, exchange(&job, stream.compat(), &mut back)).await;
    match result {
        // Once a protocol was agreed, an echo does not care what the peer does.
        _ if job.end == "echo" && !job.lazy => {}
        Err(e) => return failure("timeout", e),
        Ok(Err(e)) => return failure(class_of_io(&e), e),
        Ok(Ok(())) => {}
    }
    json!({"ok": true, "protocol": protocol, "error": "",
        "received": String::from_utf8_lossy(&back), "closed": closed})
}

async fn exchange(job: &Job, mut stream: Stream, back: &mut Vec<u8>) -> std::io::Result<()> {
    if !job.send.is_empty() {
        stream.write_all(job.send.as_bytes()).await?;
        stream.flush().await?;
    }
    match job.end.as_str() {
        "half" => {
            stream.shutdown().await?;
            stream.read_to_end(back).await?;
            return Ok(());
        }
        "echo" => {
            echo(&mut stream).await?;
        }
        "close" => {
            back.resize(job.send.len(), 0);
            stream.read_exact(back).await?;
        }
        _ => {}
    }
    stream.shutdown().await
}

/// Says back what comes, until nothing more does.
async fn echo(stream: &mut Stream) -> std::io::Result<usize> {
    let mut echoed = 0;
    let mut buf = [0; 4096];
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            return Ok(echoed);
        }
        stream.write_all(&buf[..n]).await?;
        stream.flush().await?;
        echoed += n;
    }
}

async fn respond(listen: &str, protocols: Vec<String>) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    report(json!({"address": listener.local_addr()?.to_string()}));
    loop {
        let (conn, remote) = listener.accept().await?;
        let _ = conn.set_nodelay(true); // fails if it was reset at once, which the negotiation finds, too
        let protocols = protocols.clone();
        tokio::spawn(async move {
            let mut outcome = serve(conn, protocols).await;
            outcome["remote"] = json!(remote.to_string());
            report(outcome);
        });
    }
}

async fn serve(conn: TcpStream, protocols: Vec<String>) -> Value {
    let negotiation = listener_select_proto(conn.compat(), protocols);
    match timeout(PATIENCE, negotiation).await {
        Err(e) => failure("timeout", e),
        Ok(Err(e)) => failure(class(&e), e),
        Ok(Ok((protocol, stream))) => answer(&protocol, stream.compat()).await,
    }
}

async fn answer(protocol: &str, mut stream: Stream) -> Value {
    let hello = protocol.starts_with("/hello/");
    let exchange = async {
        if hello {
            stream.write_all(b"hello\n").await?;
            stream.shutdown().await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
            return Ok(0);
        }
        let echoed = echo(&mut stream).await?;
        // Fails if the peer has left altogether, which is as good.
        let _ = stream.shutdown().await;
        Ok::<usize, std::io::Error>(echoed)
    };
    match exchange.await {
        Ok(echoed) => json!({"ok": true, "protocol": protocol, "error": "", "echoed": echoed,
            "closed": if hello { "self" } else { "peer" }}),
        Err(e) => json!({"ok": false, "protocol": protocol, "error": class_of_io(&e), "detail": e.to_string(),
            "closed": "reset"}),
    }
}

async fn jobs() -> std::io::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut running = vec![];
    for number in 1usize.. {
        let Some(line) = lines.next_line().await? else { break };
        let args: Vec<String> = serde_json::from_str(&line)?;
        if let ["cancel", job] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            let job: usize = job.parse().map_err(std::io::Error::other)?;
            let task: &Option<tokio::task::JoinHandle<()>> = &running[job - 1];
            task.as_ref().inspect(|task| task.abort()); // which drops the future
            running.push(None);
            continue;
        }
        running.push(Some(tokio::spawn(async move {
            let mut outcome = match parse(&args) {
                Ok(job) => initiate(job).await,
                Err(e) => failure("local", e),
            };
            outcome["job"] = json!(number);
            report(outcome);
        })));
    }
    for job in running.into_iter().flatten() {
        let _ = job.await; // cancelled jobs report nothing
    }
    Ok(())
}

async fn run(args: Vec<String>) -> Result<i32, Box<dyn std::error::Error>> {
    match args.first().map(String::as_str) {
        Some("jobs") => {
            jobs().await?;
            Ok(0)
        }
        Some("initiator") => {
            let outcome = initiate(parse(&args[1..])?).await;
            let code = match (&outcome["ok"], &outcome["error"]) {
                (Value::Bool(true), _) => 0,
                (_, class) if class == "unsupported" => 127,
                _ => 1,
            };
            report(outcome);
            Ok(code)
        }
        Some("responder") => {
            let (options, names): (Vec<_>, Vec<_>) =
                args[1..].iter().cloned().partition(|a| a.starts_with("--listen="));
            let listen = options.last().map_or("127.0.0.1:0", |o| &o["--listen=".len()..]);
            tokio::spawn(async {
                let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
                std::process::exit(0); // whoever started it is gone
            });
            respond(listen, names).await?;
            Ok(1)
        }
        _ => Err("usage: responder, initiator or jobs; see interop/peers/README.md".into()),
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let code = runtime
        .block_on(run(std::env::args().skip(1).collect()))
        .unwrap_or_else(|e| {
            eprintln!("{e}");
            2
        });
    std::process::exit(code);
}
