//! Answers Prometheus: one request after the other, each with figures of its moment.

use super::prometheus;
use crate::failure::{Done, Failure};
use crate::process::Process;
use crate::snapshot::Snapshot;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::time::Duration;

/// A client that says nothing for so long is left.
const PATIENCE: Duration = Duration::from_secs(5);
/// No request is longer.
const LONGEST: usize = 16 << 10;

/// Serves until the process has ended.
pub fn serve(address: SocketAddr, what: &str) -> Done {
    let pid = what.parse().map_err(|_| Failure::about(what, "a server needs the number of a process"))?;
    let process = Process::open(pid)?;
    // Says at once what is wrong with the process.
    Snapshot::take(&process)?;
    let listener = TcpListener::bind(address).map_err(|error| Failure::about(address, error))?;
    let bound = listener.local_addr().unwrap_or(address);
    println!("serving http://{bound}/metrics");
    listener.set_nonblocking(true).map_err(|error| Failure::about(bound, error))?;
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if !process.is_alive() {
                    return Ok(ExitCode::SUCCESS);
                }
                wait(&listener);
                continue;
            }
            // A client that goes away does no harm.
            Err(_) => continue,
        };
        match Snapshot::take(&process) {
            Ok(snapshot) => {
                let _ = answer(&mut stream, &prometheus::text(&snapshot, &snapshot.usage()));
            }
            Err(_) if !process.is_alive() => {
                let _ = reply(&mut stream, "503 Service Unavailable", "the process has ended\n");
                return Ok(ExitCode::SUCCESS);
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Waits for a client, and no longer than a moment: the process may have ended.
fn wait(listener: &TcpListener) {
    let mut poll = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one struct, which is ours.
    #[expect(unsafe_code, reason = "the standard library does not wait for a time")]
    let _ = unsafe { libc::poll(&raw mut poll, 1, 1000) };
}

fn answer(stream: &mut TcpStream, page: &str) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (mut request, mut part) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < LONGEST {
        match stream.read(&mut part)? {
            0 => break,
            n => request.extend_from_slice(&part[..n]),
        }
    }
    let line = request.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ');
    match (words.next(), words.next()) {
        (Some(b"GET"), Some(b"/metrics" | b"/")) => reply(stream, "200 OK", page),
        (Some(b"GET"), _) => reply(stream, "404 Not Found", "the figures are at /metrics\n"),
        _ => reply(stream, "405 Method Not Allowed", "only GET\n"),
    }
}

fn reply(stream: &mut TcpStream, status: &str, page: &str) -> io::Result<()> {
    let len = page.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{page}"
    )
}
