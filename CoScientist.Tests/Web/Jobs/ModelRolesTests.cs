using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Web.Configuration;
using CoScientist.Web.Jobs;
using CoScientist.Web.Runs;

namespace CoScientist.Tests.Web.Jobs;

[Trait("Database", "any")]
public sealed class ModelRolesTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Find_EachKindOfName_GetsTheWorkerForItsGoals()
    {
        await using var database = await TestDatabase.CreateAsync();
        var roles = Roles(database, ("jury", "http://localhost:1/v1", "m"));

        using var local = await roles.WriterAsync(ModelCatalog.SandboxBase, Cancellation);
        using var server = await roles.WriterAsync("jury", Cancellation);
        using var oracle = await roles.GraderAsync("oracle", GraderRole.Judge, Cancellation);
        using var judge = await roles.GraderAsync("jury", GraderRole.Judge, Cancellation);
        using var self = await roles.GraderAsync(ModelCatalog.SandboxBase, GraderRole.SelfGrade, Cancellation);

        Assert.Equal([true, false], new[] { local, server }.Select(writer => writer.Sandbox));
        Assert.Equal(
            [(true, GraderRole.Oracle, "oracle"), (false, GraderRole.Judge, "paper"), (true, GraderRole.SelfGrade, "compact")],
            new[] { oracle, judge, self }.Select(grader => (grader.Sandbox, grader.Role, grader.Protocol)));
    }

    [Fact]
    public async Task Find_CheckpointWithAChatTemplate_WorksOnRealGoals()
    {
        await using var database = await TestDatabase.CreateAsync();
        PaperPolicy.Write(Path.Combine(database.Folder, "models", "own"), 1);
        var roles = Roles(database, ("jury", "http://localhost:1/v1", "m"));

        using var writer = await roles.WriterAsync("own", Cancellation);
        using var answering = await roles.GraderAsync("own", GraderRole.Judge, Cancellation);
        using var silent = await roles.GraderAsync("own", GraderRole.SelfGrade, Precision.Bfloat16, new GradingSpec { Verdicts = VerdictReading.Likelihood }, Cancellation);
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => roles.GraderAsync("jury", GraderRole.Judge, Precision.Single, new GradingSpec { Verdicts = VerdictReading.Likelihood }, Cancellation));

        Assert.Equal((false, true, PaperPrompts.PolicyVersion), (writer.Sandbox, writer.Checkpoint.HasValue, writer.PromptVersion));
        Assert.Equal((false, "paper", PaperPrompts.GraderVersion), (answering.Sandbox, answering.Protocol, answering.PromptVersion));
        Assert.Equal(("own (bf16)", false, "paper", PaperPrompts.ItemGraderVersion), (silent.Name, silent.Sandbox, silent.Protocol, silent.PromptVersion));
        Assert.Contains("leave --verdicts out", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_CheckpointWhoseFilesAreGone_NamesTheFolder()
    {
        await using var database = await TestDatabase.CreateAsync();
        await database.Store<RunCheckpointStore>().RegisterBaseAsync("lost", "models/lost", isSandbox: true, Cancellation);

        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => Roles(database).GraderAsync("lost", GraderRole.Judge, Cancellation));

        Assert.Contains(Path.Combine(database.Folder, "models", "lost"), fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nobody", "There is no checkpoint or model server \"nobody\" (there are: sandbox-base, jury)")]
    [InlineData("jury", "needs an Endpoint")]
    public async Task Find_UnknownOrIncompleteServer_SaysWhatIsThereAndWhatToDo(string name, string message)
    {
        await using var database = await TestDatabase.CreateAsync();

        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => Roles(database, ("jury", "nowhere", "m")).WriterAsync(name, Cancellation));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Parameter", fault.Message, StringComparison.Ordinal);
    }

    private static ModelRoles Roles(TestDatabase database, params (string Name, string Endpoint, string Model)[] servers)
    {
        var checkpoints = database.Store<RunCheckpointStore>();
        var catalog = new ModelCatalog(checkpoints, new CoScientistOptions { DataDirectory = database.Folder });
        return new ModelRoles(catalog, checkpoints, TestServers.Of(database, servers));
    }
}
