//! The Rust side of the benchmark: the crate multistream-select on TCP, next
//! to a floor of its own, on one thread. Reads a command a line, such as
//! "mss 1 500": negotiate 500 times, success at the 1st proposal. Answers with
//! the nanoseconds that took.
use std::io::{BufRead, Write};
use std::time::Instant;

use multistream_select::{dialer_select_proto, listener_select_proto, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::TokioAsyncReadCompatExt;

const ID: &str = "/ipfs/id/1.0.0";
const HEADER: &[u8] = b"\x13/multistream/1.0.0\n";

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn proposals(k: usize) -> Vec<String> {
    let mut names: Vec<String> = (0..k - 1)
        .map(|i| format!("/ipfs/{}0/1.0.0", (b'a' + i as u8) as char))
        .collect();
    names.push(ID.to_string());
    names
}

fn message(text: &str) -> Vec<u8> {
    let mut m = vec![text.len() as u8 + 1];
    m.extend_from_slice(text.as_bytes());
    m.push(b'\n');
    m
}

/// The flights of both sides, as they must be.
fn flights(k: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let names = proposals(k);
    let mut asks: Vec<_> = names.iter().map(|n| message(n)).collect();
    let mut answers: Vec<_> = names
        .iter()
        .map(|n| message(if n == ID { ID } else { "na" }))
        .collect();
    asks[0] = [HEADER, &asks[0]].concat();
    answers[0] = [HEADER, &answers[0]].concat();
    (asks, answers)
}

/// One write and one read per flight and side. Each side is a task.
async fn floor(
    a: &mut TcpStream,
    mut b: TcpStream,
    k: usize,
    n: usize,
) -> Result<TcpStream, Failure> {
    let (asks, answers) = flights(k);
    let (expected, replies) = (asks.clone(), answers.clone());
    let responder = tokio::spawn(async move {
        let mut buf = [0u8; 64];
        for _ in 0..n {
            for (ask, answer) in expected.iter().zip(&replies) {
                b.read_exact(&mut buf[..ask.len()]).await?;
                b.write_all(answer).await?;
            }
        }
        Ok::<_, Failure>(b)
    });
    let mut buf = [0u8; 64];
    for _ in 0..n {
        for (ask, answer) in asks.iter().zip(&answers) {
            a.write_all(ask).await?;
            a.read_exact(&mut buf[..answer.len()]).await?;
        }
    }
    responder.await?
}

/// The crate, on the same connection.
async fn mss(a: &mut TcpStream, b: TcpStream, k: usize, n: usize) -> Result<TcpStream, Failure> {
    let names = proposals(k);
    let responder = tokio::spawn(async move {
        let mut b = b.compat();
        for _ in 0..n {
            let (name, _) = listener_select_proto(&mut b, [ID]).await?;
            assert_eq!(name, ID);
        }
        Ok::<_, Failure>(b.into_inner())
    });
    let mut a = a.compat();
    for _ in 0..n {
        let names = names.iter().map(String::as_str);
        let (name, _) = dialer_select_proto(&mut a, names, Version::V1).await?;
        assert_eq!(name, ID);
    }
    responder.await?
}

async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut a = TcpStream::connect(listener.local_addr()?).await?;
    let (mut b, _) = listener.accept().await?;
    a.set_nodelay(true)?;
    b.set_nodelay(true)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split(' ').collect();
        let (k, n) = (words[1].parse()?, words[2].parse()?);
        let begin = Instant::now();
        match words[0] {
            "floor" => b = floor(&mut a, b, k, n).await?,
            "mss" => b = mss(&mut a, b, k, n).await?,
            other => return Err(format!("no variant {other}").into()),
        }
        println!("{}", begin.elapsed().as_nanos());
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve())
}
