//! The least that an exchange costs: epoll, one read, one write, no look at what came.
//!
//! It takes one read for one request, so it is no server for anything else.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::thread;

use anyhow::Context as _;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use super::peer::{ANSWER, JSON};

const LISTENER: Token = Token(usize::MAX - 1);

/// Arguments of the floor.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where it listens.
    address: SocketAddr,
    /// Threads, each with its own listener.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Closes each connection after its answer.
    #[arg(long)]
    close: bool,
}

/// Answers until it is killed.
pub fn run(args: &Args) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let floors: Vec<_> = (0..args.threads)
            .map(|_| scope.spawn(|| Floor::listen(args.address, args.close)?.serve()))
            .collect();
        floors
            .into_iter()
            .try_for_each(|floor| floor.join().ok().context("a thread of the floor panicked")?)
    })
}

struct Floor {
    listener: TcpListener,
    poll: Poll,
    connections: Vec<Option<TcpStream>>,
    /// Places without a connection.
    free: Vec<usize>,
    plain: Vec<u8>,
    json: Vec<u8>,
    close: bool,
}

impl Floor {
    fn listen(address: SocketAddr, close: bool) -> anyhow::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.bind(&address.into()).with_context(|| format!("failed to listen on {address}"))?;
        socket.listen(4096)?;
        let mut listener = TcpListener::from_std(socket.into());
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let answer = |body: &str| {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        };
        let (plain, json) = (answer(ANSWER), answer(JSON));
        Ok(Self { listener, poll, connections: Vec::new(), free: Vec::new(), plain, json, close })
    }

    fn serve(mut self) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                } else {
                    self.answer(event.token().0);
                }
            }
        }
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let place = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            self.poll.registry().register(&mut stream, Token(place), Interest::READABLE)?;
            self.connections[place] = Some(stream);
        }
    }

    fn answer(&mut self, place: usize) {
        let Some(stream) = &mut self.connections[place] else { return };
        let mut request = [0; 4096];
        let open = match stream.read(&mut request) {
            Ok(0) => false,
            Ok(_) => {
                let answer = if request.starts_with(b"GET /json") { &self.json } else { &self.plain };
                stream.write_all(answer).is_ok() && !self.close
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        if !open {
            self.connections[place] = None;
            self.free.push(place);
        }
    }
}
