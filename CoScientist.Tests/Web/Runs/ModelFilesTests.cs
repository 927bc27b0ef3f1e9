using System.IO.Compression;
using System.Security.Cryptography;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Clusters;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;

namespace CoScientist.Tests.Web.Runs;

[Trait("Database", "any")]
public sealed class ModelFilesTests : IAsyncLifetime
{
    private TestDatabase database = null!;
    private ModelCatalog catalog = null!;
    private ModelFiles files = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Models => Path.Combine(database.Folder, "models");

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        var options = new CoScientistOptions { DataDirectory = database.Folder };
        catalog = new ModelCatalog(database.Store<RunCheckpointStore>(), options);
        files = new ModelFiles(catalog, database.Store<CheckpointShelf>(), options);
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Zip_OfACheckpoint_HoldsItsFilesAndNothingElse()
    {
        var checkpoint = await ImportAsync("mine");
        File.WriteAllText(Path.Combine(Models, "mine", "notes.db"), "not of the model");
        File.CreateSymbolicLink(Path.Combine(Models, "mine", "link.json"), "/etc/hostname");
        using var sent = new MemoryStream();

        await using (var oneWay = new OneWay(sent))
        {
            await ModelFiles.ZipAsync(await files.WholeAsync(checkpoint, Cancellation), "mine", oneWay, Cancellation);
        }

        await using var archive = new ZipArchive(sent);
        Assert.Equal(["mine/config.json", "mine/manifest.json", "mine/model.safetensors", "mine/tokenizer.json", "mine/tokenizer_config.json"], archive.Entries.Select(entry => entry.FullName));
        foreach (var entry in archive.Entries)
        {
            await using var packed = await entry.OpenAsync(Cancellation);
            Assert.Equal(Convert.ToHexString(await SHA256.HashDataAsync(File.OpenRead(Path.Combine(Models, entry.FullName)), Cancellation)), Convert.ToHexString(await SHA256.HashDataAsync(packed, Cancellation)));
        }
    }

    [Fact]
    public async Task Zip_OfAFolderInHuggingFacesCache_FollowsItsLinks()
    {
        var hub = Directory.CreateDirectory(Path.Combine(database.Folder, "hub", "blobs")).Parent!.FullName;
        var folder = TinyPolicy.Write(Path.Combine(hub, "snapshots", "abc"));
        var weights = Path.Combine(folder, "model.safetensors");
        File.Move(weights, Path.Combine(hub, "blobs", "5f"));
        File.CreateSymbolicLink(weights, "../../blobs/5f");
        using var sent = new MemoryStream();

        await ModelFiles.ZipAsync(folder, "m", sent, Cancellation);

        await using var archive = new ZipArchive(sent);
        Assert.Equal(new FileInfo(Path.Combine(hub, "blobs", "5f")).Length, archive.GetEntry("m/model.safetensors")!.Length);
        await catalog.ImportAsync(folder, "cached", Cancellation);
        Assert.True(files.Look((await database.Store<RunCheckpointStore>().FindAsync("cached", Cancellation))!).Bytes > archive.GetEntry("m/model.safetensors")!.Length);
    }

    [Fact]
    public async Task Delete_ModelOfTheDataDirectory_TakesItsFilesAndSaysSoWhereItIsAskedFor()
    {
        var checkpoint = await ImportAsync("mine");
        Assert.True(files.Owns(checkpoint));
        Assert.True(files.Look(checkpoint).Bytes > 1000);

        await files.DeleteAsync(checkpoint, Cancellation);

        Assert.Empty(Directory.GetFileSystemEntries(Models));
        Assert.Equal(0, files.Look(checkpoint).Bytes);
        Assert.Contains("was deleted on", (await Assert.ThrowsAsync<InvalidDataException>(() => catalog.ResolveAsync("mine", Cancellation))).Message, StringComparison.Ordinal);
        await ImportAsync("mine");
        Assert.Equal(Path.Combine(Models, "mine"), await catalog.ResolveAsync("mine", Cancellation));
    }

    [Fact]
    public async Task Start_SpecificationThatNamesADeletedCheckpoint_IsRefusedAtItsFields()
    {
        var checkpoint = await ImportAsync("mine");
        var (servers, options) = (TestServers.Of(database), new CoScientistOptions { DataDirectory = database.Folder });
        var launcher = new RunLauncher(database.Store<RunStore>(), database.Store<RunCheckpointStore>(), database.Store<RunDataStore>(), servers, new ClusterRuns(new ClusterOptions(), servers, catalog), options);
        await files.DeleteAsync(checkpoint, Cancellation);

        var faults = await launcher.CheckAsync(new RunSpec { Model = "mine", Judge = "mine" }, Cancellation);

        Assert.Equal(["judge", "model"], faults.Where(fault => fault.Message.Contains("was deleted", StringComparison.Ordinal)).Select(fault => fault.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Delete_FolderOfSomebodyElse_IsOnlyForgotten()
    {
        var folder = Directory.CreateTempSubdirectory("coscientist-").FullName;
        try
        {
            TinyPolicy.Write(Path.Combine(folder, "theirs"));
            await catalog.ImportAsync(Path.Combine(folder, "theirs"), null, Cancellation);
            var checkpoint = (await database.Store<RunCheckpointStore>().FindAsync("theirs", Cancellation))!;

            await files.DeleteAsync(checkpoint, Cancellation);

            Assert.False(files.Owns(checkpoint));
            Assert.True(File.Exists(Path.Combine(folder, "theirs", "config.json")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Delete_TheModelThatComesAlong_IsRefused()
    {
        await catalog.RegisterBuiltInsAsync(Cancellation);
        var checkpoint = (await database.Store<RunCheckpointStore>().FindAsync(ModelCatalog.SandboxBase, Cancellation))!;

        await Assert.ThrowsAsync<InvalidDataException>(() => files.DeleteAsync(checkpoint, Cancellation));

        Assert.Null((await database.Store<RunCheckpointStore>().FindAsync(ModelCatalog.SandboxBase, Cancellation))!.DeletedAt);
        Assert.True(Directory.Exists(files.FolderOf(checkpoint)));
    }

    [Theory]
    [InlineData("config.json", "is missing")]
    [InlineData("model.safetensors", "is missing")]
    [InlineData("tokenizer.json", "is missing")]
    public void Check_FolderThatLacksAFile_NamesItAndTheRemedy(string missing, string said)
    {
        var folder = TinyPolicy.Write(Path.Combine(Models, "half"));
        Assert.Null(ModelCheck.Of(folder).Fault);
        File.Delete(Path.Combine(folder, missing));

        var check = ModelCheck.Of(folder);

        Assert.Contains(missing, check.Fault, StringComparison.Ordinal);
        Assert.Contains(said, check.Fault, StringComparison.Ordinal);
        Assert.False(check.Lines[^1].Passed);
    }

    [Fact]
    public void Check_GoodFolder_TellsWhatItIs()
    {
        var check = ModelCheck.Of(TinyPolicy.Write(Path.Combine(Models, "whole")));

        Assert.Equal((null, true, TinyPolicy.Config.ParameterCount), (check.Fault, check.Sandbox, check.ParameterCount));
        Assert.Equal(["Configuration", "Tokenizer", "Weights", "Language", "Manifest"], check.Lines.Select(line => line.What));
    }

    [Theory]
    [InlineData("compare")]
    [InlineData("oracle")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    [InlineData("")]
    public void CheckName_NameWithAMeaningOfItsOwn_IsRefused(string name) => Assert.Throws<InvalidDataException>(() => ModelCatalog.CheckName(name));

    [Fact]
    public async Task Import_WithItsParent_IsRegisteredAsTrainedFromIt()
    {
        var parent = await ImportAsync("mine");
        var folder = TinyPolicy.Write(Path.Combine(Models, "far"));

        var unknown = await Assert.ThrowsAsync<InvalidDataException>(() => catalog.ImportAsync(folder, "far-1.40", Cancellation, "nobody"));
        Assert.Contains("There is no checkpoint \"nobody\"", unknown.Message, StringComparison.Ordinal);
        Assert.Null(await database.Store<RunCheckpointStore>().FindAsync("far-1.40", Cancellation));

        await catalog.ImportAsync(folder, "far-1.40", Cancellation, "mine");
        await catalog.ImportAsync(folder, "far-1.40", Cancellation, "mine");
        Assert.Equal(parent.Id, (await database.Store<RunCheckpointStore>().FindAsync("far-1.40", Cancellation))!.ParentId);

        var other = await Assert.ThrowsAsync<InvalidDataException>(() => catalog.ImportAsync(Path.Combine(Models, "mine"), "mine", Cancellation, "far-1.40"));
        Assert.Contains("not as trained from \"far-1.40\"", other.Message, StringComparison.Ordinal);
    }

    private async Task<Checkpoint> ImportAsync(string name)
    {
        TinyPolicy.Write(Path.Combine(Models, name));
        await catalog.ImportAsync(Path.Combine(Models, name), null, Cancellation);
        return (await database.Store<RunCheckpointStore>().FindAsync(name, Cancellation))!;
    }

    /// <summary>A response's body: written once, from front to back.</summary>
    private sealed class OneWay(Stream inner) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => inner.WriteAsync(buffer, offset, count, cancellationToken);
    }
}
