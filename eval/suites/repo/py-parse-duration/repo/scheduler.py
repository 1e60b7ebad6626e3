from timing import next_run


class Job:
    def __init__(self, name, every):
        self.name = name
        self.every = every
        self.last_run = 0

    def is_due(self, now):
        return now >= next_run(self.last_run, self.every)


def due_jobs(jobs, now):
    return [job.name for job in jobs if job.is_due(now)]
