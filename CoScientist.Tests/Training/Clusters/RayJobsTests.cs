using CoScientist.Tests.Shared;
using CoScientist.Training.Clusters;

namespace CoScientist.Tests.Training.Clusters;

public sealed class RayJobsTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string> Nothing = [];

    private RayStandIn ray = null!;
    private RayJobs jobs = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        ray = await RayStandIn.StartAsync();
        jobs = new RayJobs(ray.Address);
    }

    public async ValueTask DisposeAsync()
    {
        jobs.Dispose();
        await ray.DisposeAsync();
    }

    [Fact]
    public async Task Job_FromSubmissionUntilRayForgetsIt_IsSeenAsRayHasIt()
    {
        await jobs.SubmitAsync("run-1", "sh /x/run.sh", new Dictionary<string, string>(StringComparer.Ordinal) { ["A"] = "b" }, Nothing, Cancellation);
        var job = await ray.NextAsync(Cancellation);
        Assert.Equal(("run-1", "sh /x/run.sh", "b"), (job.Id, job.Entrypoint, job.Environment["A"]));
        Assert.Equal(new RayJob(RayJobStatus.Pending, "Job has not started yet. It may be waiting for the runtime environment to be set up."), await jobs.FindAsync("run-1", Cancellation));

        (job.Status, job.Log) = ("RUNNING", "one\ntwo\n");
        Assert.Equal("one\ntwo\n", await jobs.LogsAsync("run-1", Cancellation));
        await jobs.StopAsync("run-1", Cancellation);
        Assert.True((await jobs.FindAsync("run-1", Cancellation))!.IsOver);
        ray.Return(forgets: true);

        Assert.Null(await jobs.FindAsync("run-1", Cancellation));
        Assert.Empty(await jobs.LogsAsync("run-1", Cancellation));
        await jobs.StopAsync("run-1", Cancellation);
    }

    [Fact]
    public async Task Ray_RefusingOrAway_IsToldApart()
    {
        ray.Refusal = "entrypoint must be a string";
        Assert.Contains("Ray answers 400: entrypoint must", (await Assert.ThrowsAsync<RayRefusedException>(() => jobs.SubmitAsync("a", "b", Nothing, Nothing, Cancellation))).Message, StringComparison.Ordinal);

        // Ray tells what passes as 500 like what does not: it is asked again.
        (ray.Refusal, ray.RefusalStatus) = ("Traceback (most recent call last):\n  ...\nRuntimeError: No available agent to submit job, please try again later.", 500);
        Assert.EndsWith("answers 500: RuntimeError: No available agent to submit job, please try again later.", (await Assert.ThrowsAsync<RayAwayException>(() => jobs.SubmitAsync("a", "b", Nothing, Nothing, Cancellation))).Message, StringComparison.Ordinal);

        ray.Token = "secret";
        Assert.Contains("TokenVariable", (await Assert.ThrowsAsync<RayRefusedException>(() => jobs.FindAsync("a", Cancellation))).Message, StringComparison.Ordinal);
        using var allowed = new RayJobs(ray.Address, "secret");
        Assert.Null(await allowed.FindAsync("a", Cancellation));

        _ = ray.GoAsync();
        Assert.Contains("does not answer", (await Assert.ThrowsAsync<RayAwayException>(() => jobs.FindAsync("a", Cancellation))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new RayJobs("head:8265"));
    }
}
