//! Closing so that the client reads what was sent last.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::connection::registry::Watch;
use crate::cores::core::Core;

/// Ends our side, then reads and drops what still comes until the client closes, for a short while.
///
/// A socket that is closed with unread bytes sends a reset, and a reset makes the client's kernel forget what it has not
/// yet handed to the client: a TLS alert, or the reply that tells why.
pub(crate) async fn close(
    core: &Core,
    watch: &Watch,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) {
    core.time.now();
    watch.arm(core.time.deadline(LONGEST));
    let closing = async {
        stream.shutdown().await?;
        let mut dropped = core.buffers.take();
        for _ in 0..MOST_READS {
            dropped.clear();
            if stream.read_buf(&mut dropped).await? == 0 {
                break;
            }
        }
        core.buffers.give(dropped);
        std::io::Result::Ok(())
    };
    // Whatever goes wrong now, the connection is closed either way.
    drop(watch.race(closing).await);
}

/// Says what is to be said last, ends our side, and lets the client read it, for a moment: for a connection that was cut.
pub(crate) async fn close_cut(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), last: &[u8]) {
    let closing = async {
        stream.write_all(last).await?;
        stream.shutdown().await?;
        let mut dropped = [0; 1024];
        for _ in 0..MOST_READS {
            if stream.read(&mut dropped).await? == 0 {
                break;
            }
        }
        std::io::Result::Ok(())
    };
    // Whatever goes wrong now, the connection is closed either way.
    drop(tokio::time::timeout(MOMENT, Box::pin(closing)).await);
}

/// All of it is over before a cut connection is ended in any case.
const MOMENT: std::time::Duration = std::time::Duration::from_millis(250);
const LONGEST: std::time::Duration = std::time::Duration::from_secs(2);
/// Reads of up to 32 KiB each.
const MOST_READS: usize = 32;
