//! The best rising curve through noisy points: more load never means fewer late answers.

/// Isotonic regression by pooling adjacent violators (Ayer et al. 1955), in place. `values` and `weights` have the same
/// length; weights are above zero.
pub(super) fn rise(values: &mut [f64], weights: &[f64]) {
    let mut blocks: Vec<(f64, f64, usize)> = Vec::with_capacity(values.len());
    for (&value, &weight) in values.iter().zip(weights) {
        let mut block = (value, weight, 1);
        while let Some(last) = blocks.pop_if(|last| last.0 > block.0) {
            let weight = last.1 + block.1;
            block = ((last.0 * last.1 + block.0 * block.1) / weight, weight, last.2 + block.2);
        }
        blocks.push(block);
    }
    let risen = blocks.into_iter().flat_map(|(value, _, count)| std::iter::repeat_n(value, count));
    for (value, risen) in values.iter_mut().zip(risen) {
        *value = risen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::already_rising(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0])]
    #[case::one_violation(&[1.0, 3.0, 2.0], &[1.0, 2.5, 2.5])]
    #[case::falling(&[3.0, 2.0, 1.0], &[2.0, 2.0, 2.0])]
    #[case::nothing(&[], &[])]
    fn pools_what_falls(#[case] given: &[f64], #[case] expected: &[f64]) {
        let mut values = given.to_vec();
        rise(&mut values, &vec![1.0; given.len()]);
        assert_eq!(values, expected);
    }
}
