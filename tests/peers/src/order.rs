//! Who runs when.

/// The peers of one round: each round begins with another one, so that none always runs on what the same other one has left behind
/// (warm memory, a hot CPU).
pub(crate) fn rotated<T: Copy>(peers: &[T], round: usize) -> impl Iterator<Item = T> {
    let first = round % peers.len().max(1);
    peers[first..].iter().chain(&peers[..first]).copied()
}

#[cfg(test)]
mod tests {
    use super::rotated;

    #[test]
    fn each_is_first_in_its_turn_and_all_run_in_each_round() {
        let rounds: Vec<Vec<u8>> = (0..4).map(|round| rotated(&[1, 2, 3], round).collect()).collect();
        assert_eq!(rounds, [vec![1, 2, 3], vec![2, 3, 1], vec![3, 1, 2], vec![1, 2, 3]]);
        assert_eq!(rotated::<u8>(&[], 5).count(), 0);
    }
}
