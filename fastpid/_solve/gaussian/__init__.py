"""A checked covariance of two sources and a target -> its answer."""
