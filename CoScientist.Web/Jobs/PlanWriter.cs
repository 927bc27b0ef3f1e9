using System.Buffers.Binary;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;
using CoScientist.Training.Sandbox;

namespace CoScientist.Web.Jobs;

/// <summary>A plan fresh from its writer.</summary>
/// <param name="Text">The plan; null when the answer holds none.</param>
/// <param name="Tokens">Tokens of the answer.</param>
/// <param name="Finished">Whether the writer ended it properly.</param>
/// <param name="Fault">What is wrong with its form; null when nothing is, or the world has no form to keep.</param>
internal sealed record WrittenPlan(string? Text, int Tokens, bool Finished, string? Fault);

/// <summary>Who writes plans: a checkpoint or a model server.</summary>
internal abstract class PlanWriter(string name) : IDisposable
{
    /// <summary>Name recorded with the plans.</summary>
    public string Name { get; } = name;

    /// <summary>Whether it writes for the sandbox's goals, or for real ones.</summary>
    public abstract bool Sandbox { get; }

    /// <summary>The checkpoint; null for servers.</summary>
    public virtual CheckpointId? Checkpoint => null;

    /// <summary>Version of the prompt; null where there is none.</summary>
    public virtual string? PromptVersion => null;

    /// <summary>Goals per batch; each batch is stored as soon as it is there.</summary>
    public abstract int BatchSize { get; }

    /// <summary>The seed recorded with the plan for a goal.</summary>
    public abstract long SeedFor(Goal goal, long seed);

    /// <summary>Writes one plan per goal, in order.</summary>
    public abstract Task<IReadOnlyList<WrittenPlan>> WriteAsync(IReadOnlyList<Goal> goals, double temperature, long seed, CancellationToken cancellationToken);

    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>A seed from the goal, not from its place in the batch: the same goal gets the same plan whatever else is asked for.</summary>
    protected static long SeedOfGoal(Goal goal, long seed)
    {
        Span<byte> id = stackalloc byte[16];
        goal.Id.Value.TryWriteBytes(id);
        return (long)(new SeededRandom(seed, BinaryPrimitives.ReadInt64LittleEndian(id), BinaryPrimitives.ReadInt64LittleEndian(id[8..])).NextUInt64() >> 1);
    }
}

/// <summary>A local checkpoint that speaks the sandbox's language.</summary>
/// <param name="name">Name of the checkpoint.</param>
/// <param name="checkpoint">Its key.</param>
/// <param name="engine">Its weights; disposed with the writer.</param>
internal sealed class SandboxPlanWriter(string name, CheckpointId checkpoint, ISamplingEngine engine) : PlanWriter(name)
{
    private readonly CompactProtocol protocol = new(engine.Tokenizer);

    public override bool Sandbox => true;

    public override CheckpointId? Checkpoint => checkpoint;

    public override int BatchSize => 32;

    public override long SeedFor(Goal goal, long seed) => SeedOfGoal(goal, seed);

    public override Task<IReadOnlyList<WrittenPlan>> WriteAsync(IReadOnlyList<Goal> goals, double temperature, long seed, CancellationToken cancellationToken) =>
        Task.Run<IReadOnlyList<WrittenPlan>>(
            () =>
            {
                var options = SandboxEvaluation.Sampling with { Temperature = temperature, EndTokens = [protocol.EndToken], BannedTokens = protocol.NotInPlans };
                var requests = goals.Select(goal => new SampleRequest { Prompt = protocol.WritePrompt(goal.Text), Seed = SeedFor(goal, seed) }).ToArray();
                return [.. engine.Sample(requests, options, cancellationToken).Select(sample => new WrittenPlan(protocol.PlanText(sample.Tokens), sample.Tokens.Length, sample.Ended, null))];
            },
            cancellationToken);

    public override void Dispose()
    {
        engine.Dispose();
        base.Dispose();
    }
}

/// <summary>A local checkpoint with a chat template, by the text protocol.</summary>
/// <param name="name">Name of the checkpoint.</param>
/// <param name="checkpoint">Its key.</param>
/// <param name="engine">Its weights; disposed with the writer.</param>
/// <param name="chat">How it is spoken to.</param>
/// <param name="maxTokens">Most tokens of an answer, thoughts included.</param>
internal sealed class LocalPlanWriter(string name, CheckpointId checkpoint, ISamplingEngine engine, ChatFormat chat, int maxTokens) : PlanWriter(name)
{
    private readonly PaperPlanProtocol protocol = new(chat);

    public override bool Sandbox => false;

    public override CheckpointId? Checkpoint => checkpoint;

    public override string? PromptVersion => PaperPrompts.PolicyVersion;

    public override int BatchSize => 8;

    public override long SeedFor(Goal goal, long seed) => SeedOfGoal(goal, seed);

    public override Task<IReadOnlyList<WrittenPlan>> WriteAsync(IReadOnlyList<Goal> goals, double temperature, long seed, CancellationToken cancellationToken) =>
        Task.Run<IReadOnlyList<WrittenPlan>>(
            () =>
            {
                var options = protocol.Sampling with { Temperature = temperature, MaxNewTokens = maxTokens };
                var requests = goals.Select(goal => new SampleRequest { Prompt = protocol.WritePrompt(goal.Text), Seed = SeedFor(goal, seed) }).ToArray();
                return [.. engine.Sample(requests, options, cancellationToken).Select(Written)];
            },
            cancellationToken);

    public override void Dispose()
    {
        engine.Dispose();
        base.Dispose();
    }

    private WrittenPlan Written(SampledSequence sample)
    {
        var plan = PlanReader.Read(chat.Text(sample.Tokens));
        return new WrittenPlan(plan.Words == 0 ? null : plan.Text, sample.Tokens.Length, plan.Form.Finished && sample.Ended, plan.Fault);
    }
}

/// <summary>A model server, by the text protocol.</summary>
/// <param name="model">The server's model.</param>
/// <param name="maxTokens">Most tokens of an answer, thoughts included.</param>
internal sealed class ServerPlanWriter(ITextModel model, int maxTokens = PaperPlanWriter.MaxTokens) : PlanWriter(model.Name)
{
    private readonly PaperPlanWriter writer = new(model, maxTokens);

    public override bool Sandbox => false;

    public override string? PromptVersion => PaperPrompts.PolicyVersion;

    public override int BatchSize => 8;

    // What a server makes of a seed is its own affair; the number that was asked for is what can be recorded.
    public override long SeedFor(Goal goal, long seed) => seed;

    public override async Task<IReadOnlyList<WrittenPlan>> WriteAsync(IReadOnlyList<Goal> goals, double temperature, long seed, CancellationToken cancellationToken)
    {
        var plans = await writer.WriteAsync([.. goals.Select(goal => goal.Text)], temperature, seed, cancellationToken);
        return [.. plans.Select(plan => new WrittenPlan(plan.Plan.Words == 0 ? null : plan.Plan.Text, plan.Tokens, plan.Plan.Form.Finished, plan.Plan.Fault))];
    }
}
