using System.CommandLine;
using System.Globalization;
using CoScientist.Training.Engines;
using CoScientist.Training.Tokenization;

namespace CoScientist.Web.Commands;

/// <summary>Measures the engine on this machine.</summary>
internal static class BenchCommand
{
    public static Command Create() => new("bench", "Measure the engine on this machine") { Verb("train"), Verb("sample"), Verb("grade"), Verb("gemm"), Decode(), Tokenizer(), Soak(), ImportBench.Create(), BenchAnswers.Create() };

    private static Command Verb(string what)
    {
        var config = new Option<string>("--config") { Description = "S or M: the two standard shapes", DefaultValueFactory = _ => "S" };
        config.AcceptOnlyFromAmong("S", "M");
        var dtype = new Option<string>("--dtype") { Description = "Numbers that are multiplied: fp32 or bf16" + (what == "train" ? "" : ", or int8 weights"), DefaultValueFactory = _ => "fp32" };
        dtype.AcceptOnlyFromAmong(what == "train" ? ["fp32", "bf16"] : ["fp32", "bf16", "int8"]);
        var threads = new Option<int>("--threads") { Description = "Threads; 0 takes every processor" };
        var seconds = new Option<double>("--seconds") { Description = "How long to measure", DefaultValueFactory = _ => 10 };
        var command = new Command(what, what switch { "train" => "Whole training steps", "sample" => "Sampling with a key-value cache", "grade" => "Grading ten items on one plan", _ => "Matrix products" }) { config, dtype, threads, seconds };
        command.SetAction((parsed, cancellationToken) =>
        {
            var bench = new EngineBenchmark(parsed.GetValue(config)!, parsed.GetValue(threads), TimeSpan.FromSeconds(parsed.GetValue(seconds)), Dtype.Of(parsed.GetValue(dtype)!));
            var result = what switch
            {
                "train" => bench.Train(cancellationToken),
                "sample" => bench.Sample(cancellationToken),
                "grade" => bench.Grade(cancellationToken),
                _ => bench.Gemm(cancellationToken),
            };
            string[] grading = result is GradingBenchmarkResult graded
                ? [$"plan shared by items    {graded.SharedSeconds * 1e3:F1} ms; read for each {graded.SeparateSeconds * 1e3:F1} ms; {graded.Speedup:F1} times as fast, {(graded.SameProbabilities ? "the same" : "DIFFERENT")} probabilities"]
                : [];
            CommandContext.Answer(parsed, result, [
                $"{what} {result.Config}, {result.Threads} threads, {parsed.GetValue(dtype)}, {result.Rounds} rounds",
                $"tokens/s (median)       {result.TokensPerSecond:F0}",
                $"GFLOP/s                 {result.Gflops:F1}, {result.PeakFraction:P0} of the {result.Machine.Fp32Gflops:F0} measured here in fp32",
                $"products while running  {result.Profile.ProductGflopsPerThread:F1} GFLOP/s per thread",
                $"time of the threads     {Share(result, result.Profile.Products)} products, {Share(result, result.Profile.Attention)} attention, {Share(result, result.Profile.Other)} other, {Share(result, result.Profile.Waiting)} waiting",
                $"memory                  {result.Machine.MemoryGBps:F1} GB/s",
                $"peak memory             {result.PeakBytes / 1048576.0:F0} MiB",
                $"allocated per step      {result.AllocatedBytesPerStep} bytes, at most {result.MostAllocatedBytes}",
                $"clock before, after     {result.ClockGHzBefore:F2}, {result.ClockGHzAfter:F2} GHz",
                .. result.Planned is { } plan
                    ? [$"memory planned          {plan.Total / 1048576.0:F0} MiB; the peak is {result.PeakBytes / (double)plan.Needed:F2} of weights, gradients, moments and activations"]
                    : Array.Empty<string>(),
                .. grading]);
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Decode()
    {
        var dtype = new Option<string>("--dtype") { Description = "Numbers of the weights: bf16 or int8", DefaultValueFactory = _ => "bf16" };
        dtype.AcceptOnlyFromAmong("bf16", "int8");
        var threads = new Option<int>("--threads") { Description = "Threads; 0 takes every processor" };
        var command = new Command("decode", "Load a model of Qwen3-0.6B's shape and continue one sequence") { dtype, threads };
        command.SetAction((parsed, cancellationToken) =>
        {
            var result = new DecodeBenchmark(parsed.GetValue(threads), Dtype.Of(parsed.GetValue(dtype)!)).Run(cancellationToken);
            CommandContext.Answer(parsed, result, [
                string.Create(CultureInfo.InvariantCulture, $"decode {result.Shape}, {result.Threads} threads, {parsed.GetValue(dtype)}"),
                string.Create(CultureInfo.InvariantCulture, $"load                    {result.LoadSeconds:F2} s"),
                string.Create(CultureInfo.InvariantCulture, $"tokens/s (median)       {result.TokensPerSecond:F1}"),
                string.Create(CultureInfo.InvariantCulture, $"reads                   {result.GBps:F1} GB/s of weights, {result.BandwidthFraction:P0} of the {result.MemoryGBps:F1} measured here"),
                string.Create(CultureInfo.InvariantCulture, $"peak memory             {result.PeakBytes / 1048576.0:F0} MiB")]);
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Tokenizer()
    {
        var tokenizer = new Argument<FileInfo>("tokenizer") { Description = "A tokenizer.json" };
        var text = new Argument<FileInfo>("text") { Description = "A text in UTF-8, of some megabytes" };
        var seconds = new Option<double>("--seconds") { Description = "How long to measure", DefaultValueFactory = _ => 5 };
        var command = new Command("tokenizer", "Encoding a text, by processor time on one thread") { tokenizer, text, seconds };
        command.SetAction((parsed, cancellationToken) =>
        {
            try
            {
                var result = TokenizerBenchmark.Run(parsed.GetValue(tokenizer)!.FullName, parsed.GetValue(text)!.FullName, TimeSpan.FromSeconds(parsed.GetValue(seconds)), cancellationToken);
                CommandContext.Answer(parsed, result, [
                    $"{result.Bytes} bytes, {result.Tokens} tokens, {result.Rounds} rounds",
                    $"MB/s (median)           {result.MegabytesPerSecond:F1}",
                    $"tokens/s (median)       {result.TokensPerSecond:F0}",
                    $"reading the file        {result.LoadSeconds:F2} s"]);
                return Task.FromResult(0);
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                throw new CommandException(exception.Message, exception);
            }
        });
        return command;
    }

    private static Command Soak()
    {
        var config = new Option<string>("--config") { Description = "S or M: the two standard shapes", DefaultValueFactory = _ => "S" };
        config.AcceptOnlyFromAmong("S", "M");
        var threads = new Option<int>("--threads") { Description = "Threads; 0 takes every processor" };
        var seconds = new Option<double>("--seconds") { Description = "How long to run", DefaultValueFactory = _ => 600 };
        var command = new Command("soak", "Train, sample and grade for minutes, and watch memory and handles") { config, threads, seconds };
        command.SetAction((parsed, cancellationToken) =>
        {
            var bench = new EngineBenchmark(parsed.GetValue(config)!, parsed.GetValue(threads), TimeSpan.FromSeconds(parsed.GetValue(seconds)));
            var result = bench.Soak(
                reading => Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{reading.Seconds,6:F0} s  {reading.Rounds,5} rounds  {reading.ResidentBytes / 1048576.0,7:F1} MiB in use  {reading.ManagedBytes / 1048576.0,6:F2} MiB collected heap  {reading.Handles} handles  {reading.Threads} threads")),
                cancellationToken);
            CommandContext.Answer(parsed, result, [
                string.Create(CultureInfo.InvariantCulture, $"soak {result.Config}, {result.Minutes:F1} minutes, {result.Rounds} rounds"),
                string.Create(CultureInfo.InvariantCulture, $"memory in use           {result.ResidentGrowth:+0.0%;-0.0%;0.0%} an hour"),
                string.Create(CultureInfo.InvariantCulture, $"collected heap          {result.ManagedGrowth:+0.0%;-0.0%;0.0%} an hour"),
                string.Create(CultureInfo.InvariantCulture, $"handles, threads        {result.HandleGrowth:+0;-0;0}, {result.ThreadGrowth:+0;-0;0}")]);
            return Task.FromResult(0);
        });
        return command;
    }

    private static string Share(BenchmarkResult result, double threadSeconds) => $"{threadSeconds / (result.Profile.Seconds * result.Profile.Threads):P0}";
}
