using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Model;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.Extensions.Logging.Abstractions;

namespace CoScientist.Tests.Web.Runs;

[Trait("Database", "any")]
public sealed class ModelMergesTests : IAsyncLifetime
{
    private TestDatabase database = null!;
    private ModelCatalog catalog = null!;
    private ModelMerges merges = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Adapter => Path.Combine(database.Folder, "adapter");

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        catalog = new ModelCatalog(database.Store<RunCheckpointStore>(), new CoScientistOptions { DataDirectory = database.Folder });
        merges = new ModelMerges(catalog, database.Store<RunCheckpointStore>(), NullLogger<ModelMerges>.Instance);
        var model = TinyPolicy.Write(Path.Combine(database.Folder, "models", "mine"));
        await catalog.RegisterBuiltInsAsync(Cancellation);
        using var engine = CpuEngine.Load(model);
        engine.AddLora(new LoraOptions { Rank = 2, TargetModules = ["q_proj"] });
        engine.SaveAdapter(Adapter, "mine", new Dictionary<string, string>(StringComparer.Ordinal));
    }

    public ValueTask DisposeAsync()
    {
        merges.Dispose();
        return database.DisposeAsync();
    }

    [Fact]
    public async Task Start_GoodAdapter_MakesAModelWithItsParentAndTellsHowFarItIs()
    {
        var told = 0;
        merges.Changed += () => Interlocked.Increment(ref told);

        await await merges.StartAsync("mine", Adapter, "merged", Cancellation);

        Assert.Equal(new ModelMerge("merged", "mine", 1, Finished: true, null), merges.Latest);
        Assert.True(told > 2);
        var made = (await database.Store<CheckpointShelf>().FindAsync("merged", Cancellation))!;
        Assert.Equal(("mine", true), (made.Parent, made.Checkpoint.IsSandbox));
        Assert.Equal("adapter", CheckpointManifest.Read(await catalog.ResolveAsync("merged", Cancellation))!.Origin["adapter"]);
    }

    [Theory]
    [InlineData("mine", "adapter", "mine", "already")]
    [InlineData("mine", "models", "new", "no folder of a PEFT adapter")]
    [InlineData("nobody", "adapter", "new", "no checkpoint \"nobody\"")]
    [InlineData("mine", "adapter", "../new", "cannot be the name")]
    public async Task Start_WhatCannotBeDone_IsRefusedBeforeAnythingChanges(string model, string adapter, string name, string said)
    {
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => merges.StartAsync(model, Path.Combine(database.Folder, adapter), name, Cancellation));

        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
        Assert.Null(merges.Latest);
        Assert.Equal(["mine"], Directory.GetDirectories(Path.Combine(database.Folder, "models")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Start_AdapterOfAnotherModel_FailsWithTheCauseAndLeavesNothing()
    {
        File.Delete(Path.Combine(Adapter, "manifest.json"));
        File.WriteAllBytes(Path.Combine(Adapter, "adapter_model.safetensors"), new byte[20]);

        await await merges.StartAsync("mine", Adapter, "merged", Cancellation);

        Assert.Contains("adapter_model.safetensors", merges.Latest!.Fault, StringComparison.Ordinal);
        Assert.Null(await database.Store<RunCheckpointStore>().FindAsync("merged", Cancellation));
        Assert.Equal(["mine"], Directory.GetFileSystemEntries(Path.Combine(database.Folder, "models")).Select(Path.GetFileName));
    }
}
