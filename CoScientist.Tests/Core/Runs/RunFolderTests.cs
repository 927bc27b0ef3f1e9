using System.Text.Json;
using CoScientist.Core.Runs;

namespace CoScientist.Tests.Core.Runs;

public sealed class RunFolderTests : IDisposable
{
    private readonly RunFolder folder = new(Directory.CreateTempSubdirectory("run-").FullName);

    public void Dispose() => Directory.Delete(folder.Path, recursive: true);

    [Fact]
    public void History_LinesAdded_AreReadOnceAndAHalfWrittenLineWaits()
    {
        var history = new RunHistory(folder);
        Assert.False(history.Refresh());

        Append(RunFolder.MetricsFile, "{\"step\":1,\"reward\":0.25}\n{\"step\":2,\"rew");
        Assert.True(history.Refresh());
        Assert.Equal([(1, 0.25)], history.Series("reward"));
        Assert.False(history.Refresh());

        Append(RunFolder.MetricsFile, "ard\":0.5}\n");
        Assert.True(history.Refresh());
        Assert.Equal([(1, 0.25), (2, 0.5)], history.Series("reward"));
    }

    [Fact]
    public void History_FileBecameShorter_IsReadAnew()
    {
        var history = new RunHistory(folder);
        Append(RunFolder.MetricsFile, "{\"step\":1,\"reward\":1}\n{\"step\":2,\"reward\":2}\n");
        history.Refresh();

        File.WriteAllText(folder.File(RunFolder.MetricsFile), "{\"step\":1,\"reward\":3}\n");

        Assert.True(history.Refresh());
        Assert.Equal([(1, 3.0)], history.Series("reward"));
    }

    [Fact]
    public void History_StepAndItsEvaluationOnTwoLines_AreOneStep()
    {
        var history = new RunHistory(folder);
        Append(RunFolder.MetricsFile, "{\"step\":10,\"reward\":1}\nnot json\n{\"reward\":5}\n{\"step\":10,\"judge/score\":0.4}\n");

        history.Refresh();

        var step = Assert.Single(history.Steps);
        Assert.Equal((1, 0.4), (step.Values["reward"], step.Values["judge/score"]));
    }

    [Fact]
    public void Series_ThatAPageHolds_StaysAsItWasWhileStepsAreAddedAndDoneAgain()
    {
        var history = new RunHistory(folder);
        Append(RunFolder.MetricsFile, "{\"step\":1,\"reward\":1}\n{\"step\":3,\"reward\":3}\n");
        history.Refresh();
        var held = history.Series("reward");

        Append(RunFolder.MetricsFile, "{\"step\":3,\"reward\":4}\n{\"step\":2,\"reward\":2}\n{\"step\":4,\"reward\":1e999}\n{\"step\":5,\"reward\":5}\n{\"step\":6,\"rew\":\"word\",\"reward\":6");
        history.Refresh();

        Assert.Equal([(1, 1.0), (3, 3)], held);
        Assert.Equal([(1, 1.0), (2, 2), (3, 4), (5, 5)], history.Series("reward"));
        Assert.Equal([1, 2, 3, 4, 5], history.Steps.Select(step => step.Step));
    }

    [Fact]
    public void History_FileReplacedAndGrownPastItsOldLength_IsReadAnew()
    {
        var history = new RunHistory(folder);
        Append(RunFolder.MetricsFile, "{\"step\":1,\"reward\":1}\n{\"step\":2,\"reward\":2}\n");
        history.Refresh();

        File.WriteAllText(folder.File(RunFolder.MetricsFile), "{\"step\":1,\"reward\":1}\n{\"step\":2,\"reward\":5}\n{\"step\":3,\"reward\":6}\n");

        Assert.True(history.Refresh());
        Assert.Equal([(1, 1.0), (2, 5), (3, 6)], history.Series("reward"));
    }

    [Fact]
    public void ReadNewest_LongFile_TakesEachMetricsLastValueFromItsEnd()
    {
        Assert.Null(RunHistory.ReadNewest(folder));
        Append(RunFolder.MetricsFile, "{\"step\":1,\"old\":1}\n" + string.Concat(Enumerable.Range(2, 2000).Select(step => $"{{\"step\":{step},\"reward\":{step}}}\n")));
        Append(RunFolder.MetricsFile, "{\"step\":2000,\"judge/score\":0.5}\n{\"step\":2001,\"rew");

        var newest = RunHistory.ReadNewest(folder)!;

        Assert.Equal((2001, .5, false), (newest.Values["reward"], newest.Values["judge/score"], newest.Values.ContainsKey("old")));
    }

    [Fact]
    public void SampleIndex_FileThatGrows_ReadsOneStepAndFollows()
    {
        var (index, text) = (new RunSampleIndex(folder), new string('x', 300_000));
        Assert.Empty(index.Refresh());
        foreach (var step in (int[])[1, 1, 2])
        {
            Append(RunFolder.SamplesFile, JsonSerializer.Serialize(new RunSample(step, "train", "g", "\"step\":7}", text, .5, .5, null, []), RunFolder.LineOptions) + "\n");
        }

        Assert.Equal([1, 2], index.Refresh());
        Assert.Equal([text, text], index.Read(1).Select(sample => sample.Plan));
        Append(RunFolder.SamplesFile, "{\"step\":3,\"kind\":\"train\",\"goalId\":\"g\",\"goal\":\"a\",\"plan\":\"p\",\"items\":[]}\n");
        Assert.Equal([1, 2, 3], index.Refresh());
        Assert.Equal("p", Assert.Single(index.Read(3)).Plan);

        File.WriteAllText(folder.File(RunFolder.SamplesFile), "");
        Assert.Empty(index.Refresh());
        Assert.Empty(index.Read(1));
    }

    [Fact]
    public void Format_ValueThatJsonLacks_IsLeftOutAndTheRestReadsBack()
    {
        var line = RunHistory.Format(new RunMetrics(3, new Dictionary<string, double> { ["reward"] = 0.1, ["kl"] = double.NaN }));

        var read = RunHistory.Parse(System.Text.Encoding.UTF8.GetBytes(line))!;

        Assert.Equal(3, read.Step);
        Assert.Equal(0.1, Assert.Single(read.Values).Value);
    }

    [Fact]
    public void Samples_OfAStep_AreReadAndABrokenLineIsPassedOver()
    {
        var line = """{"step":5,"kind":"train","goalId":"g","goal":"aim","plan":"we","reward":0.5,"items":[{"text":"t","met":true,"judgeMet":false}]}""";
        Append(RunFolder.SamplesFile, line + "\n" + line.Replace(":5", ":10") + "\n{\"step\":10,");

        Assert.Equal([5, 10], folder.SampleSteps());
        var sample = Assert.Single(folder.ReadSamples(10));
        Assert.Equal((0.5, null), (sample.Reward, sample.JudgeScore));
        Assert.Equal(new RunSampleItem("t", true, null, false), Assert.Single(sample.Items));
    }

    [Fact]
    public void Evaluation_BrokenLine_IsRefusedWithFileAndLine()
    {
        Append(RunFolder.EvaluationFile, """{"writer":"base","goalId":"g","plan":"p","later":1}""" + "\n{\"writer\":\"best\"}\n");

        var fault = Assert.Throws<InvalidDataException>(folder.ReadEvaluation);

        Assert.Contains("evaluation.jsonl, line 2", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Checkpoints_OnDisk_AreListedByStepWithoutOthers()
    {
        foreach (var name in (string[])["step-000020", "step-000010", "step-000030.tmp", "other"])
        {
            Directory.CreateDirectory(folder.File($"checkpoints/{name}"));
        }

        Assert.Equal([10, 20], folder.CheckpointSteps());
        Assert.Empty(new RunFolder(folder.File("nowhere")).CheckpointSteps());
    }

    private void Append(string file, string text) => File.AppendAllText(folder.File(file), text);
}
