using CoScientist.Training.Clusters;

namespace CoScientist.Tests.Training.Clusters;

/// <summary>Adapters are made into PEFT folders while a cluster trains, after it, and when it failed.</summary>
public sealed class PythonFinishTests : IDisposable
{
    // verl's merger as its command line and its folder are: the whole model, with the adapter in a folder of its own.
    private const string Merger = """
        import os, sys
        said = dict(zip(sys.argv[2::2], sys.argv[3::2]))
        assert sys.argv[1] == "merge" and said["--backend"] == "fsdp", sys.argv
        assert not os.path.exists(said["--target_dir"]), "a stale folder was left"
        os.makedirs(os.path.join(said["--target_dir"], "lora_adapter"))
        open(os.path.join(said["--target_dir"], "model.safetensors"), "w").write("large")
        shard = open(os.path.join(said["--local_dir"], "shard.pt")).read()
        open(os.path.join(said["--target_dir"], "lora_adapter", "adapter_config.json"), "w").write(shard)
        """;

    // Saves two steps as verl does, goes on once the first was converted, and fails with a status of its own.
    private const string Training = """
        import os, sys, time
        def save(step):
            os.makedirs("checkpoints/global_step_%d/actor" % step)
            open("checkpoints/global_step_%d/actor/shard.pt" % step, "w").write("of %d" % step)
            open("checkpoints/latest_checkpointed_iteration.txt", "w").write(str(step))
        save(2)
        while not os.path.isdir("checkpoints/global_step_2/merged"):
            time.sleep(0.01)
        os.makedirs("checkpoints/global_step_6/actor")
        save(4)
        sys.exit(3)
        """;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("finish-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Adapters_OfATrainingThatFails_AreConvertedAsTheyAppearAndToTheLastWholeOne()
    {
        Python.Require();
        Python.Unpack(folder.FullName, "coscientist_finish.py");
        Directory.CreateDirectory(Path.Combine(folder.FullName, "verl", "model_merger"));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "verl", "model_merger", "__main__.py"), Merger, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "training.py"), Training, TestContext.Current.CancellationToken);

        // One that was killed in the midst of it before.
        Directory.CreateDirectory(Path.Combine(folder.FullName, "checkpoints", "global_step_2", "merged.part", "lora_adapter"));
        var (code, output, error) = await Python.RunAsync(folder.FullName, """
            import coscientist_finish as finish
            status = finish.train("checkpoints", [sys.executable, "training.py"], seconds=0.02)
            finish.convert("checkpoints")
            print(status)
            """);

        Assert.True(code == 0, error);
        Assert.Equal("3", output.Trim());
        foreach (var step in new[] { 2, 4 })
        {
            var merged = Path.Combine(folder.FullName, "checkpoints", FormattableString.Invariant($"global_step_{step}"), "merged");
            Assert.Equal(["lora_adapter"], Directory.EnumerateFileSystemEntries(merged).Select(Path.GetFileName));
            Assert.Equal(FormattableString.Invariant($"of {step}"), await File.ReadAllTextAsync(Path.Combine(merged, "lora_adapter", "adapter_config.json"), TestContext.Current.CancellationToken));
        }

        // The last one was never saved whole.
        Assert.False(Path.Exists(Path.Combine(folder.FullName, "checkpoints", "global_step_6", "merged")));
        Assert.Equal([2, 4], ClusterCheckpoints.Ready(Path.Combine(folder.FullName, "checkpoints"), adapter: true));
    }
}
