"""One preflight for a hospital: whether its table, images, machine and enrolment are fit for a study."""
