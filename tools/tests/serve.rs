//! `metes stats --serve`: what it answers, and when it ends.

mod seen;

use seen::{Place, Seen, fails, metes, tool};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};

fn start(pid: &str) -> (Child, String) {
    let mut server =
        Command::new(tool()).args(["stats", "--serve", "127.0.0.1:0", pid]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("serving http://").unwrap().strip_suffix("/metrics").unwrap().to_owned();
    (server, address)
}

fn ask(address: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    // A server that has had enough of a request may reset the connection.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn it_answers_until_the_process_ends() {
    let place = Place::new();
    let mut program = Seen::preloaded(place.program("churn.c", &[]), &[], "stats=off");
    let (mut server, address) = start(&program.pid());
    let page = ask(&address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(
        page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("\nmetes_resident_bytes{part=\"in_use\"} "),
        "{page}"
    );
    assert!(ask(&address, b"GET /else HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
    assert!(ask(&address, b"POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
    // None of these ends it.
    ask(&address, b"");
    ask(&address, b"\r\n\r\n");
    ask(&address, &[0xff; 100]);
    ask(&address, &[b'a'; 100_000]);
    drop(TcpStream::connect(&address).unwrap());
    assert!(ask(&address, b"GET / HTTP/1.0\r\n\r\n").contains("metes_calls_total{function=\"malloc\"} "));
    fails(&metes(&["stats", "--serve", &address, &program.pid()]), "Address already in use");
    program.end();
    // Without a request it ends as well.
    assert!(server.wait().unwrap().success());
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn a_server_needs_a_process() {
    fails(&metes(&["stats", "--serve", "127.0.0.1:0", "no-number"]), "needs the number of a process");
    fails(&metes(&["stats", "--serve", "127.0.0.1:0", "4194305"]), "there is no such process");
}
