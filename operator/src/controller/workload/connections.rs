//! Tells running servers to end the connections that they have above their share.

use std::net::SocketAddr;

use futures::future::BoxFuture;
use futures::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::runtime::{RuntimeError, Way};
use super::token::Token;
use crate::observe::WriteError;

/// Servers told at the same time.
const PARALLEL: usize = 32;

/// Tells each of these admin ports how many connections may stay, as far as the time of `way` reaches. Returns the first
/// thing that went wrong: who has too many is told again at a later look.
pub async fn tell(way: Way<'_>, audience: &str, orders: &[(SocketAddr, u32)]) -> Option<RuntimeError> {
    if !way.leadership.may_write(Instant::now()) {
        return None;
    }
    let token = match timeout_at(way.until, way.tokens.token(audience)).await.ok()? {
        Ok(token) => token,
        Err(error) => return Some(error.into()),
    };
    // Boxed: the compiler can't tell that a closure over borrowed orders gives futures that may be sent to other threads.
    let mut calls: Vec<BoxFuture<'_, Option<RuntimeError>>> = Vec::new();
    for (admin, at_most) in orders {
        let (token, audience) = (&token, audience);
        calls.push(Box::pin(async move {
            let error = tell_one(way, token, *admin, *at_most).await.err()?;
            if let WriteError::Refused { status: 401, .. } = error {
                way.tokens.forget(audience);
            }
            Some(RuntimeError::Server { admin: *admin, message: error.to_string() })
        }));
    }
    let troubles = stream::iter(calls).buffer_unordered(PARALLEL).filter_map(std::future::ready);
    troubles.collect::<Vec<_>>().await.into_iter().next()
}

async fn tell_one(way: Way<'_>, token: &Token, admin: SocketAddr, at_most: u32) -> Result<(), WriteError> {
    let Ok(Ok(_permit)) = timeout_at(way.until, way.sockets.acquire()).await else {
        return Err(WriteError::Timeout);
    };
    if !way.leadership.may_write(Instant::now()) {
        return Ok(());
    }
    let told = timeout_at(way.until, way.port.shed(admin, token.expose(), at_most)).await;
    told.unwrap_or(Err(WriteError::Timeout)).map(drop)
}
